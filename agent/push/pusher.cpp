// See pusher.h.
#include "push/pusher.h"

#include <algorithm>
#include <utility>

namespace sequin {

namespace {

constexpr Millis kReapEvery{200};

}  // namespace

Pusher::Pusher(PushContext& context) : context_(context) {
  reap_ = context.clock.NewAlarm([this] { Reap(); });
}

void Pusher::Reconcile(const std::vector<ConsumerInfo>& consumers) {
  std::map<int, const ConsumerInfo*> wanted;
  for (const ConsumerInfo& info : consumers) {
    if (info.kind == ConsumerKind::kPush) wanted[info.number] = &info;
  }
  for (auto it = consumers_.begin(); it != consumers_.end();) {
    const auto found = wanted.find(it->first);
    // A number is never used twice, but a database can be replaced behind our back.
    if (found != wanted.end() && found->second->id == it->second->info().id) {
      ++it;
      continue;
    }
    Retire(std::move(it->second));
    it = consumers_.erase(it);
  }
  for (const auto& [number, info] : wanted) {
    auto& consumer = consumers_[number];
    if (!consumer) {
      consumer = std::make_unique<PushConsumer>(context_, *info);
      consumer->Wake();
    } else if (consumer->info() != *info) {
      consumer->Update(*info);
    }
  }
}

void Pusher::Retire(std::unique_ptr<PushConsumer> consumer) {
  consumer->Retire();
  retired_.push_back(std::move(consumer));
  reap_->Set(kReapEvery);
}

// Never from inside a consumer's own callback.
void Pusher::Reap() {
  std::erase_if(retired_, [](const auto& consumer) { return consumer->idle(); });
  if (!retired_.empty()) reap_->Set(kReapEvery);
}

void Pusher::Wake(int consumer) {
  const auto found = consumers_.find(consumer);
  if (found != consumers_.end()) found->second->Wake();
}

void Pusher::WakeAll() {
  for (auto& [number, consumer] : consumers_) consumer->Wake();
}

void Pusher::Drain() {
  for (auto& [number, consumer] : std::exchange(consumers_, {})) Retire(std::move(consumer));
}

bool Pusher::idle() const {
  const auto is_idle = [](const auto& consumer) { return consumer->idle(); };
  return consumers_.empty() && std::all_of(retired_.begin(), retired_.end(), is_idle);
}

size_t Pusher::claimed() const {
  size_t sum = 0;
  for (const auto& [number, consumer] : consumers_) sum += consumer->claimed();
  for (const auto& consumer : retired_) sum += consumer->claimed();
  return sum;
}

}  // namespace sequin
