-- +goose Up

-- What customers have used of the credits of a plan; the audit trail has each use.
-- doc is the billing.CreditUse as JSON.
create table credits (
  customer text not null,
  plan     text not null,
  doc      text not null,
  primary key (customer, plan)
);

-- +goose Down
drop table credits;
