SELECT lead_id FROM leads l WHERE EXISTS (SELECT 1 FROM people p WHERE l.email = p.email OR l.phone = p.phone)
