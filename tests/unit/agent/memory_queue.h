// A queue port whose statements wait until the test answers them.
#pragma once

#include <deque>

#include "queue/queue_port.h"

namespace sequin {

class MemoryQueue final : public QueuePort {
 public:
  struct ReceiveCall {
    int consumer;
    std::vector<int> sizes;
    std::optional<Millis> visibility_timeout;
    Answer<std::vector<Claim>> answer;
  };
  struct SettleCall {
    int consumer;
    std::vector<SettleItem> items;
    Answer<std::vector<SettleResult>> answer;
  };

  void ListConsumers(Answer<std::vector<ConsumerInfo>> answer) override {
    lists.push_back(std::move(answer));
  }
  void Receive(int consumer, const std::vector<int>& sizes,
               std::optional<Millis> visibility_timeout,
               Answer<std::vector<Claim>> answer) override {
    receives.push_back({consumer, sizes, visibility_timeout, std::move(answer)});
  }
  void Settle(int consumer, const std::vector<const SettleItem*>& items,
              Answer<std::vector<SettleResult>> answer) override {
    SettleCall& call = settles.emplace_back(SettleCall{consumer, {}, std::move(answer)});
    for (const SettleItem* item : items) call.items.push_back(*item);
  }
  void Extend(const std::string&, const std::vector<std::string>&, Millis,
              Answer<std::vector<SettleResult>> answer) override {
    extends.push_back(std::move(answer));
  }
  void NextDue(int, Answer<std::optional<Millis>> answer) override {
    dues.push_back(std::move(answer));
  }

  void ReadCapture(Answer<CaptureFacts> answer) override { captures.push_back(std::move(answer)); }
  void ReadConsumerFacts(Answer<std::vector<ConsumerFacts>> answer) override {
    consumer_facts.push_back(std::move(answer));
  }

  // Takes the oldest call and answers it.
  void AnswerReceive(Result<std::vector<Claim>> claims) {
    ReceiveCall call = std::move(receives.front());
    receives.pop_front();
    call.answer(std::move(claims));
  }
  // Answers as a database does that accepts everything; returns what was settled.
  std::vector<SettleItem> AnswerSettle(const std::string& result = "ACKED") {
    SettleCall call = std::move(settles.front());
    settles.pop_front();
    std::vector<SettleResult> results;
    for (const SettleItem& item : call.items) results.push_back({item.ack_id, result});
    call.answer(std::move(results));
    return call.items;
  }
  void FailSettle(ErrorKind kind) {
    SettleCall call = std::move(settles.front());
    settles.pop_front();
    call.answer(Error{kind, "failed"});
  }

  std::deque<Answer<std::vector<ConsumerInfo>>> lists;
  std::deque<ReceiveCall> receives;
  std::deque<SettleCall> settles;
  std::deque<Answer<std::vector<SettleResult>>> extends;
  std::deque<Answer<std::optional<Millis>>> dues;
  std::deque<Answer<CaptureFacts>> captures;
  std::deque<Answer<std::vector<ConsumerFacts>>> consumer_facts;
};

inline Message MakeMessage(const std::string& id, std::optional<int64_t> group = {}) {
  return {"ack-" + id, "{\"id\":\"" + id + "\"}", group, 1, "msg-" + id};
}

inline std::string IdsOf(const std::vector<SettleItem>& items) {
  std::string ids;
  for (const SettleItem& item : items) {
    if (!ids.empty()) ids += ' ';
    ids += std::string(OutcomeName(item.outcome)) + ":" + item.ack_id;
  }
  return ids;
}

}  // namespace sequin
