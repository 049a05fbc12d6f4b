-- +goose Up

-- The number of the last change of what the application is told of a customer:
-- its settings, subscriptions, grants and access.
alter table customers add column changed bigint not null default 0;
update customers set changed = coalesce((select max(c.seq) from changes c where c.customer = customers.ref), 0);

-- Endpoints of the application's that want nothing any more, at the address that
-- said so: under another they are asked again.
create table endpoints (
  name        text primary key,
  address     text not null,
  reason      text not null,
  disabled_at timestamptz not null
);

-- How the latest delivery went of each thing that an endpoint is told of. The
-- schedule is in work, under the same key.
create table deliveries (
  endpoint     text not null,
  key          text not null,
  seq          bigint not null,
  event        text not null,
  customer     text not null,
  webhook_id   text not null,
  sequence     bigint not null,
  state        text not null check (state in ('delivered', 'failing', 'dead')),
  attempts     bigint not null,
  error        text not null,
  at           timestamptz not null,
  delivered_at timestamptz,
  primary key (endpoint, key)
);
create unique index deliveries_seq on deliveries (seq);
create index deliveries_customer on deliveries (customer, seq) where customer <> '';
create index deliveries_undelivered on deliveries (endpoint, state, seq) where state <> 'delivered';

-- What is kept no longer is found by when it was.
create index attempts_at on attempts (at);

-- +goose Down
drop index attempts_at;
drop table deliveries;
drop table endpoints;
alter table customers drop column changed;
