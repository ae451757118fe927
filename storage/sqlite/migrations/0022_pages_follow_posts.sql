-- Where several gateways serve pages, each looks for other texts of what its pages show: by their
-- conversations alone, whatever else goes on. What is new there is in audit_subject already.
CREATE INDEX audit_revised ON audit (subject) WHERE kind = 'delivery.revised';
