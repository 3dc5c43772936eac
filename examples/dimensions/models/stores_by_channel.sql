-- How each store sells through each channel.
SELECT
    store_id,
    channel,
    SUM(amount) AS revenue,
    SUM(quantity) AS units
FROM sales
GROUP BY store_id, channel
