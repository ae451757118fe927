-- What befell a turn or a delivery after it began is found by its name alone, and how a message
-- came by its event id alone: a turn leaves half as many entries in the indexes of the log.
DROP INDEX audit_ref;
CREATE INDEX audit_ref ON audit (ref) WHERE kind NOT IN ('message.accepted', 'message.refused');
DROP INDEX audit_subject;
CREATE INDEX audit_subject ON audit (subject) WHERE kind NOT IN (
    'turn.run', 'turn.tool', 'turn.tool_begun', 'turn.ended',
    'delivery.claimed', 'delivery.settled', 'delivery.revised'
);
