SELECT buyer, count(*) AS n, sum(item) AS total FROM items WHERE item < 100 GROUP BY buyer
