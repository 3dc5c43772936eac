MODEL (
  name staging.rides,
  kind VIEW,
  grain ride_id, -- one row a ride
  tags (staging)
);

/* Rides that were paid, with their day. */
SELECT
  ride_id,
  rider_id,
  city,
  CAST(started_at AS DATE) AS day,
  km,
  fare
FROM raw.rides
WHERE fare > 0
