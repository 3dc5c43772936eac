MODEL (
  name marts.ride_log,
  kind INCREMENTAL_BY_TIME_RANGE (time_column day),
  columns (ride_id BIGINT, day DATE, fare DECIMAL(10, 2)),
  grain ride_id
);

SELECT ride_id, day, fare FROM staging.rides WHERE day BETWEEN @start_date AND @end_date
