MODEL (
  name seeds.countries,
  kind SEED (
    path '../seeds/countries.csv'
  ),
  columns (
    country_code VARCHAR,
    country VARCHAR
  ),
  audits (unique_values(columns := (country_code)), not_null(columns := (country_code)))
);
