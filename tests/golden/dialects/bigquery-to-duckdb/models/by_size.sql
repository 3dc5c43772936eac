SELECT size, COUNT(*) AS n, COUNTIF(greater > 5) AS m FROM recent GROUP BY size
