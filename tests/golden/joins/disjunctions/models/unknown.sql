SELECT lead_id FROM leads l WHERE NOT EXISTS (SELECT 1 FROM people p WHERE l.email = p.email OR l.phone = p.phone)
