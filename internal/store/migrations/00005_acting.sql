-- +goose Up

-- Effects learn to be proposed, to stand as long as a review calls for them, and
-- to say what money they move.
alter table effects rename to effects_before;
drop index effects_seq;
drop index effects_customer;
create table effects (
  key          text primary key,
  seq          bigint not null,
  kind         text not null,
  account      text not null,
  object       text not null,
  customer     text not null,
  doc          text not null,
  state        text not null check (state in ('due', 'unknown', 'done', 'dropped', 'failed', 'withheld', 'proposed', 'rejected')),
  result       text not null,
  error        text not null,
  actor        text not null,
  created_at   timestamptz not null,
  done_at      timestamptz,
  -- The policy that asked; empty: a person or the application did.
  policy       text not null default '',
  -- 1: called for as long as the policy's review says so.
  standing     bigint not null default 0 check (standing in (0, 1)),
  -- Who accepted or rejected the proposal.
  decided_by   text not null default '',
  -- When it was first tried, and what money that moves, in minor units.
  attempted_at timestamptz,
  money        bigint not null default 0,
  currency     text not null default ''
);
insert into effects (key, seq, kind, account, object, customer, doc, state, result, error, actor, created_at, done_at, policy)
  select key, seq, kind, account, object, customer, doc, state, result, error, actor, created_at, done_at,
    case when actor like 'policy:%' then substr(actor, 8) else '' end
  from effects_before;
drop table effects_before;
create index effects_seq on effects (seq);
create index effects_customer on effects (customer, seq) where customer <> '';
create index effects_proposed on effects (customer) where state = 'proposed';
create index effects_failed on effects (account) where state = 'failed';
create index effects_money on effects (attempted_at) where money > 0;

-- When the policies want to review a customer next.
alter table customers add column review_at timestamptz;
create index customers_review on customers (review_at) where review_at is not null;

-- What people switched at run time: modes by scope, and the brake.
create table switches (
  scope text primary key,
  value text not null,
  actor text not null,
  at    timestamptz not null
);

-- What was said to whom, when, in which words.
create table messages (
  key       text primary key,
  seq       bigint not null,
  customer  text not null,
  template  text not null,
  channel   text not null,
  locale    text not null,
  recipient text not null,
  thread    text not null,
  subject   text not null,
  body      text not null,
  receipt   text not null,
  sent_at   timestamptz not null
);
create index messages_seq on messages (seq);
create index messages_customer on messages (customer, seq);

-- What the application shows its customer, until it is over.
create table notices (
  key      text primary key,
  seq      bigint not null,
  customer text not null,
  thread   text not null,
  template text not null,
  -- 1: over when its effect is no longer called for.
  standing bigint not null check (standing in (0, 1)),
  title    text not null,
  body     text not null,
  action   text not null,
  url      text not null,
  said_at  timestamptz not null,
  over_at  timestamptz
);
create index notices_customer on notices (customer, seq);
create index notices_open on notices (customer, thread) where over_at is null;

-- What needs a person: one row for each cause, until it is over.
create table alerts (
  seq       bigint primary key,
  cause     text not null,
  kind      text not null,
  title     text not null,
  details   text not null,
  customer  text not null,
  object    text not null,
  due_by    timestamptz,
  raised_at timestamptz not null,
  last_at   timestamptz not null,
  times     bigint not null,
  -- When the team was told.
  told_at   timestamptz,
  closed_at timestamptz,
  closed_by text not null
);
create unique index alerts_open on alerts (cause) where closed_at is null;
create index alerts_untold on alerts (seq) where closed_at is null and told_at is null;

-- +goose Down
drop table alerts;
drop table notices;
drop table messages;
drop table switches;
drop index customers_review;
alter table customers drop column review_at;
drop table effects;
