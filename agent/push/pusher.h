// All push consumers of the database, kept in step with their definitions.
#pragma once

#include <map>
#include <memory>
#include <vector>

#include "push/push_consumer.h"

namespace sequin {

class Pusher {
 public:
  explicit Pusher(PushContext& context);

  void Reconcile(const std::vector<ConsumerInfo>& consumers);
  void Wake(int consumer);
  void WakeAll();

  // Stops claiming and gives back what was not sent.
  void Drain();
  // No request, claim or settle is left.
  bool idle() const;
  size_t claimed() const;

 private:
  void Retire(std::unique_ptr<PushConsumer> consumer);
  void Reap();

  PushContext& context_;
  std::map<int, std::unique_ptr<PushConsumer>> consumers_;
  std::vector<std::unique_ptr<PushConsumer>> retired_;  // until they are idle
  std::unique_ptr<Alarm> reap_;
};

}  // namespace sequin
