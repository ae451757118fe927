-- All that happened to one thing is found without walking through the log: by its name, by what it
-- belongs to, and for a message by the event id alone (platform:workspace:event id).
CREATE INDEX audit_ref ON audit (ref, seq);
CREATE INDEX audit_subject ON audit (subject, seq);
CREATE INDEX audit_event ON audit (regexp_replace(ref, '^[^:]*:[^:]*:', ''), seq)
    WHERE kind IN ('message.accepted', 'message.refused');
