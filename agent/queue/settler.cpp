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
  items_ += items.size();
  waiting_.push_back({std::move(items), give_up_at, std::move(on_settled)});
  if (!retry_->armed()) Pump();
}

void Settler::Pump() {
  if (!under_way_.empty() || waiting_.empty()) return;
  under_way_ = TakeTickets();
  std::vector<const SettleItem*> items;
  for (const Ticket& ticket : under_way_) {
    for (const SettleItem& item : ticket.items) items.push_back(&item);
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
    for (const SettleItem& item : next.items) {
      repeats = !named.insert(item.ack_id).second || repeats;
    }
    if (repeats && !taken.empty()) break;
    count += next.items.size();
    // The names stay where they are: what moves is the vector around the items.
    taken.push_back(std::move(waiting_.front()));
    waiting_.pop_front();
  }
  return taken;
}

// The database answers in the order of the items; who relies on it would mix up outcomes one day,
// so that each id is compared, and looked for when it is not the one expected.
class Settler::ResultsById {
 public:
  explicit ResultsById(const std::vector<SettleResult>& results) : results_(results) {}

  std::string Next(const std::string& ack_id) {
    if (next_ < results_.size() && results_[next_].ack_id == ack_id) {
      return results_[next_++].result;
    }
    if (by_id_.empty()) {
      for (const SettleResult& one : results_) by_id_.emplace(one.ack_id, one.result);
    }
    const auto found = by_id_.find(ack_id);
    return found == by_id_.end() ? "UNKNOWN" : std::string(found->second);
  }

 private:
  const std::vector<SettleResult>& results_;
  size_t next_ = 0;
  std::unordered_map<std::string_view, std::string_view> by_id_;
};

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
  ResultsById results(answer.value());
  Finish(std::exchange(under_way_, {}), [&](const Ticket& ticket) {
    std::vector<std::string> texts;
    texts.reserve(ticket.items.size());
    for (const SettleItem& item : ticket.items) texts.push_back(results.Next(item.ack_id));
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
    items_ -= ticket.items.size();
    if (ticket.on_settled) ticket.on_settled(result_of(ticket));
  }
}

}  // namespace sequin
