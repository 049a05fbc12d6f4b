-- +goose Up

-- Tries to pay, as the providers tell of them: append-only, and no part of the
-- ledger that is compared with the providers. payment is the key of an object,
-- which may come later; payer is equal for equal means of payment.
create table attempts (
  account text not null,
  id      text not null,
  payment text not null,
  payer   text not null,
  at      timestamptz not null,
  doc     text not null,
  primary key (account, id)
);
create index attempts_payment on attempts (payment, at);
create index attempts_payer on attempts (payer, at, payment) where payer <> '';

-- +goose Down
drop table attempts;
