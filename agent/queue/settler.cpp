// See settler.h.
#include "queue/settler.h"

#include <unordered_map>

namespace sequin {

Settler::Settler(Clock& clock, QueuePort& queue, int consumer, size_t items_per_statement,
                 SettleLoad& load)
    : clock_(clock),
      queue_(queue),
      consumer_(consumer),
      items_per_statement_(items_per_statement),
      load_(load),
      backoff_(Millis(50), Millis(2000)),
      self_(std::make_shared<Settler*>(this)) {
  retry_ = clock.NewAlarm([this] { Pump(); });
}

Settler::~Settler() {
  for (const Tickets* tickets : {&waiting_, &under_way_}) {
    for (const Ticket& ticket : *tickets) load_.items -= ticket.items.size();
  }
}

void Settler::Settle(std::vector<SettleItem> items, SteadyTime give_up_at, OnSettled on_settled) {
  load_.items += items.size();
  waiting_.push_back({std::move(items), give_up_at, std::move(on_settled)});
  if (!retry_->armed()) Pump();
}

void Settler::Pump() {
  if (!under_way_.empty() || waiting_.empty()) return;
  under_way_ = TakeTickets();
  std::vector<SettleItem> items;
  for (const Ticket& ticket : under_way_) {
    items.insert(items.end(), ticket.items.begin(), ticket.items.end());
  }
  queue_.Settle(consumer_, items, [self = std::weak_ptr(self_)](auto answer) {
    if (const auto settler = self.lock()) (*settler)->OnAnswer(std::move(answer));
  });
}

// A statement names an ack_id once, so that each caller gets an answer of its own: two clients
// that settle the same message are served by two statements, in the order they came.
Settler::Tickets Settler::TakeTickets() {
  Tickets taken;
  std::unordered_set<std::string_view> named;
  size_t count = 0;
  while (!waiting_.empty()) {
    const Ticket& next = waiting_.front();
    if (!taken.empty() && count + next.items.size() > items_per_statement_) break;
    bool repeats = false;
    for (const SettleItem& item : next.items) repeats = repeats || named.contains(item.ack_id);
    if (repeats) break;
    count += next.items.size();
    taken.push_back(std::move(waiting_.front()));
    waiting_.pop_front();
    for (const SettleItem& item : taken.back().items) named.insert(item.ack_id);
  }
  return taken;
}

void Settler::OnAnswer(Result<std::vector<SettleResult>> answer) {
  if (!answer.ok()) {
    const ErrorKind kind = answer.error().kind;
    if (kind == ErrorKind::kUnavailable || kind == ErrorKind::kOverloaded) {
      return Retry(answer.error());
    }
    Finish(std::exchange(under_way_, {}), [&](const Ticket&) { return answer.error(); });
    return Pump();
  }
  backoff_.Reset();
  std::unordered_map<std::string_view, std::string_view> results;
  for (const SettleResult& one : answer.value()) results.emplace(one.ack_id, one.result);
  Finish(std::exchange(under_way_, {}), [&](const Ticket& ticket) {
    std::vector<std::string> texts;
    texts.reserve(ticket.items.size());
    for (const SettleItem& item : ticket.items) {
      const auto found = results.find(item.ack_id);
      texts.emplace_back(found == results.end() ? "UNKNOWN" : found->second);
    }
    return Result<std::vector<std::string>>(std::move(texts));
  });
  Pump();
}

void Settler::Retry(const Error& error) {
  Tickets late;
  Tickets again;
  for (Ticket& ticket : under_way_) {
    Tickets& side = ticket.give_up_at <= clock_.Now() ? late : again;
    side.push_back(std::move(ticket));
  }
  under_way_.clear();
  // Back to the front, in their order.
  waiting_.insert(waiting_.begin(), std::make_move_iterator(again.begin()),
                  std::make_move_iterator(again.end()));
  retry_->Set(backoff_.Next());
  Finish(std::move(late), [&](const Ticket&) { return error; });
}

void Settler::Finish(
    Tickets tickets,
    const std::function<Result<std::vector<std::string>>(const Ticket&)>& result_of) {
  for (Ticket& ticket : tickets) {
    load_.items -= ticket.items.size();
    if (ticket.on_settled) ticket.on_settled(result_of(ticket));
  }
}

}  // namespace sequin
