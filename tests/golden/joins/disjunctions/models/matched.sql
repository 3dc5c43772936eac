SELECT l.lead_id, p.person_id, p.age
FROM leads l
JOIN people p ON l.email = p.email OR l.phone = p.phone
