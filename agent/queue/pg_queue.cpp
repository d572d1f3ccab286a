// See pg_queue.h. The SQL here is the whole of what the agent says to the database.
#include "queue/pg_queue.h"

#include <nlohmann/json.hpp>

#include "base/planted.h"
#include "pg/array_literal.h"

namespace sequin {

namespace {

constexpr Statement kListConsumers = {
    "list_consumers",
    "SELECT consumer, id, name, kind, status, url, headers, batch_size, max_in_flight,"
    " visibility_timeout_ms, request_timeout_ms FROM sequin.agent_consumers()"};

constexpr Statement kReceive = {
    "receive",
    "SELECT claim, ack_id, message, group_hash, deliver_count, message_id"
    " FROM sequin.agent_receive($1::int, $2::int[], $3::interval)"};

constexpr Statement kSettle = {
    "settle",
    "SELECT ack_id, result FROM"
    " sequin.agent_settle($1::int, $2::uuid[], $3::text[], $4::interval[], $5::text[])"};

constexpr Statement kExtend = {
    "extend", "SELECT ack_id, result FROM sequin.extend($1::text, $2::uuid[], $3::interval)"};

// Both times are the database's; only their distance leaves it.
constexpr Statement kNextDue = {
    "next_due",
    "SELECT ceil(extract(epoch FROM sequin.agent_next_due($1::int) - clock_timestamp())"
    " * 1000)::bigint"};

constexpr size_t kUuidText = 36;

// One row for each gap, or one without.
constexpr Statement kCapture = {
    "capture",
    "SELECT c.state, c.lag_bytes, c.lag_seconds, c.incarnation, c.elsewhere,"
    " g.incarnation, g.from_lsn, g.to_lsn, g.consumers"
    " FROM sequin.agent_capture() c LEFT JOIN LATERAL json_to_recordset(c.gaps)"
    " AS g (incarnation bigint, from_lsn text, to_lsn text, consumers bigint) ON true"};

// The totals by way of JSON: another version of the extension lacks these columns.
constexpr Statement kConsumerFacts = {
    "consumer_facts",
    "SELECT name, kind, status, ready, in_flight, parked, dead, lag_seconds, log_bytes, lost,"
    " j->>'routed_total', j->>'claimed_total', j->>'returned_total', j->>'acked_total'"
    " FROM (SELECT c.*, to_jsonb(c) AS j FROM sequin.consumers c) AS consumers"};

std::string IntervalOf(Millis value) {
  return std::to_string(value.count()) + " milliseconds";
}

HeaderList HeadersOf(std::string_view text) {
  HeaderList headers;
  const auto object = nlohmann::json::parse(text, nullptr, false);
  if (!object.is_object()) return headers;
  for (const auto& [name, value] : object.items()) {
    headers.emplace_back(name, value.is_string() ? value.get<std::string>() : value.dump());
  }
  return headers;
}

ConsumerInfo ConsumerOf(const ResultRows& rows, int row) {
  ConsumerInfo info;
  info.number = static_cast<int>(rows.Number(row, 0));
  info.id = rows.Text(row, 1);
  info.name = rows.Text(row, 2);
  info.kind = rows.Text(row, 3) == "push" ? ConsumerKind::kPush : ConsumerKind::kPull;
  info.status = rows.Text(row, 4) == "active" ? ConsumerStatus::kActive : ConsumerStatus::kPaused;
  info.url = rows.Text(row, 5);
  info.headers = HeadersOf(rows.Text(row, 6));
  info.batch_size = std::max(1, static_cast<int>(rows.Number(row, 7)));
  info.max_in_flight = static_cast<int>(rows.Number(row, 8));
  info.visibility_timeout = Millis(rows.Number(row, 9));
  info.request_timeout = Millis(rows.Number(row, 10));
  if (info.request_timeout.count() <= 0) info.request_timeout = info.visibility_timeout;
  return info;
}

std::vector<Claim> ClaimsOf(const ResultRows& rows, size_t count) {
  std::vector<Claim> claims(count);
  if (count == 1) claims[0].reserve(static_cast<size_t>(rows.count()));
  for (int row = 0; row < rows.count(); ++row) {
    const long long number = rows.Number(row, 0);
    if (number < 1 || number > static_cast<long long>(count)) continue;
    Message message;
    message.ack_id = rows.Text(row, 1);
    message.envelope = rows.Text(row, 2);
    if (!rows.IsNull(row, 3)) message.group = rows.Number(row, 3);
    message.deliver_count = static_cast<int>(rows.Number(row, 4));
    message.message_id = rows.Text(row, 5);
    claims[static_cast<size_t>(number - 1)].push_back(std::move(message));
  }
  return claims;
}

std::vector<SettleResult> SettleResultsOf(const ResultRows& rows) {
  std::vector<SettleResult> results;
  results.reserve(static_cast<size_t>(rows.count()));
  for (int row = 0; row < rows.count(); ++row) {
    results.push_back({std::string(rows.Text(row, 0)), std::string(rows.Text(row, 1))});
  }
  return results;
}

CaptureFacts CaptureOf(const ResultRows& rows) {
  CaptureFacts capture;
  for (int row = 0; row < rows.count(); ++row) {
    capture.state = rows.Text(row, 0);
    capture.lag_bytes = rows.Real(row, 1);
    capture.lag_seconds = rows.Real(row, 2);
    capture.incarnation = rows.Real(row, 3);
    capture.consumers_elsewhere = rows.Real(row, 4).value_or(0);
    if (rows.IsNull(row, 5)) continue;
    capture.gaps.push_back({rows.Number(row, 5), std::string(rows.Text(row, 6)),
                            std::string(rows.Text(row, 7)), rows.Real(row, 8).value_or(0)});
  }
  return capture;
}

std::vector<ConsumerFacts> ConsumerFactsOf(const ResultRows& rows) {
  std::vector<ConsumerFacts> consumers;
  for (int row = 0; row < rows.count(); ++row) {
    const auto real = [&](int column) { return rows.Real(row, column).value_or(0); };
    ConsumerFacts& one = consumers.emplace_back();
    one.name = rows.Text(row, 0);
    one.kind = rows.Text(row, 1);
    one.status = rows.Text(row, 2);
    one.ready = real(3);
    one.in_flight = real(4);
    one.parked = real(5);
    one.dead = real(6);
    one.oldest_age_seconds = real(7);
    one.log_bytes = real(8);
    one.lost = real(9);
    one.routed_total = rows.Real(row, 10);
    one.claimed_total = rows.Real(row, 11);
    one.returned_total = rows.Real(row, 12);
    one.acked_total = rows.Real(row, 13);
  }
  return consumers;
}

// Hands on an error, or the rows after `convert` made values of them.
template <typename T, typename Convert>
OnRows Converted(QueuePort::Answer<T> answer, Convert convert) {
  return [answer = std::move(answer), convert](Result<ResultRows> rows) {
    if (!rows.ok()) return answer(rows.error());
    answer(convert(rows.value()));
  };
}

}  // namespace

void PgQueue::ListConsumers(Answer<std::vector<ConsumerInfo>> answer) {
  const auto convert = [](const ResultRows& rows) {
    std::vector<ConsumerInfo> consumers;
    for (int row = 0; row < rows.count(); ++row) consumers.push_back(ConsumerOf(rows, row));
    return consumers;
  };
  pool_.Run(kListConsumers, {}, Converted(std::move(answer), convert));
}

void PgQueue::Receive(int consumer, const std::vector<int>& sizes,
                      std::optional<Millis> visibility_timeout, Answer<std::vector<Claim>> answer) {
  ArrayLiteral elements(sizes.size(), 4);
  for (const int size : sizes) elements.AddPlain(std::to_string(size));
  Parameters parameters = {std::to_string(consumer), std::move(elements).Take(), std::nullopt};
  if (visibility_timeout) parameters[2] = IntervalOf(*visibility_timeout);
  const auto convert = [count = sizes.size()](const ResultRows& rows) {
    return ClaimsOf(rows, count);
  };
  pool_.Run(kReceive, std::move(parameters), Converted(std::move(answer), convert));
}

void PgQueue::Settle(int consumer, const std::vector<const SettleItem*>& items,
                     Answer<std::vector<SettleResult>> answer) {
  ArrayLiteral ids(items.size(), kUuidText), outcomes(items.size(), 3);
  ArrayLiteral delays(items.size(), 4), errors(items.size(), 4);
  for (const SettleItem* item : items) {
    ids.AddPlain(item->ack_id);
    const bool mixed_up = Planted("settles_mixed_up");
    outcomes.AddPlain(OutcomeName(mixed_up ? items.front()->outcome : item->outcome));
    if (item->delay) {
      delays.Add(IntervalOf(*item->delay));
    } else {
      delays.AddNull();
    }
    if (item->error.empty()) {
      errors.AddNull();
    } else {
      errors.Add(item->error);
    }
  }
  pool_.Run(kSettle,
            {std::to_string(consumer), std::move(ids).Take(), std::move(outcomes).Take(),
             std::move(delays).Take(), std::move(errors).Take()},
            Converted(std::move(answer), SettleResultsOf));
}

void PgQueue::Extend(const std::string& consumer_id, const std::vector<std::string>& ack_ids,
                     Millis visibility_timeout, Answer<std::vector<SettleResult>> answer) {
  ArrayLiteral ids(ack_ids.size(), kUuidText);
  for (const std::string& id : ack_ids) ids.AddPlain(id);
  pool_.Run(kExtend, {consumer_id, std::move(ids).Take(), IntervalOf(visibility_timeout)},
            Converted(std::move(answer), SettleResultsOf));
}

void PgQueue::NextDue(int consumer, Answer<std::optional<Millis>> answer) {
  const auto convert = [](const ResultRows& rows) -> std::optional<Millis> {
    if (rows.count() == 0 || rows.IsNull(0, 0)) return std::nullopt;
    return Millis(rows.Number(0, 0));
  };
  pool_.Run(kNextDue, {std::to_string(consumer)}, Converted(std::move(answer), convert));
}

void PgQueue::ReadCapture(Answer<CaptureFacts> answer) {
  pool_.Run(kCapture, {}, Converted(std::move(answer), CaptureOf));
}

void PgQueue::ReadConsumerFacts(Answer<std::vector<ConsumerFacts>> answer) {
  pool_.Run(kConsumerFacts, {}, Converted(std::move(answer), ConsumerFactsOf));
}

}  // namespace sequin
