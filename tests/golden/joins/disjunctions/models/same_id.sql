SELECT l.lead_id, p.age
FROM leads l
JOIN people p ON l.lead_id = p.person_id AND (l.email = p.email OR l.phone = p.phone)
