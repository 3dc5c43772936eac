select order_id , quantity   -- kept with its blanks and its comment
from orders where 1 = 1
