SELECT l.lead_id, p.person_id FROM leads l JOIN people p ON l.email = p.email OR p.age = 30
