-- +goose Up

-- When the provider was last called about an effect: until the call is certainly
-- over, and no copy that the provider reads from is older, a look that finds nothing
-- done proves nothing.
alter table effects add column called_at timestamptz;

-- +goose Down
alter table effects drop column called_at;
