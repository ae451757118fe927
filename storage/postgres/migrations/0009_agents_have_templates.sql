-- Which template an agent was last brought up to.
ALTER TABLE binding ADD COLUMN template text;
