-- Ended errands are dropped with the texts of their time.
CREATE INDEX errand_ended ON errand (expires_at) WHERE standing > 0;
