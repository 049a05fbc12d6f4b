-- +goose Up

-- What events claimed about whose objects are, of providers that say so nowhere
-- else. Kept for good: the object may be seen later than the event, and again and
-- again without its claims. The first word about an object stands.
create table told (
  key     text not null,
  name    text not null,
  value   text not null,
  event   text not null,
  told_at timestamptz not null,
  primary key (key, name)
);
create index told_value on told (name, value);

-- +goose Down
drop table told;
