// See consumer_directory.h.
#include "queue/consumer_directory.h"

#include <spdlog/spdlog.h>

namespace sequin {

namespace {

constexpr Millis kRetryAfter{1000};

}  // namespace

ConsumerDirectory::ConsumerDirectory(Clock& clock, QueuePort& queue,
                                     std::function<void()> on_changed)
    : clock_(clock), queue_(queue), on_changed_(std::move(on_changed)) {
  retry_ = clock.NewAlarm([this] { Refresh(); });
}

void ConsumerDirectory::Refresh() {
  if (reading_ != Reading::kNo) {
    reading_ = Reading::kYesAndAgain;
    return;
  }
  reading_ = Reading::kYes;
  queue_.ListConsumers([this](auto list) { OnList(std::move(list)); });
}

void ConsumerDirectory::Find(const std::string& id_or_name, OnFound on_found) {
  if (const ConsumerInfo* info = Lookup(id_or_name)) return on_found(info);
  if (failed_ && retry_->armed()) return on_found(*failed_);
  auto& searches = reading_ == Reading::kNo ? searches_ : next_searches_;
  searches.push_back({id_or_name, std::move(on_found)});
  Refresh();
}

const ConsumerInfo* ConsumerDirectory::Lookup(const std::string& id_or_name) const {
  for (const ConsumerInfo& info : consumers_) {
    if (info.name == id_or_name || info.id == id_or_name) return &info;
  }
  return nullptr;
}

void ConsumerDirectory::OnList(Result<std::vector<ConsumerInfo>> list) {
  const bool again = std::exchange(reading_, Reading::kNo) == Reading::kYesAndAgain;
  auto searches = std::exchange(searches_, std::exchange(next_searches_, {}));
  bool changed = false;
  if (list.ok()) {
    changed = !loaded_ || consumers_ != list.value();
    consumers_ = std::move(list.value());
    loaded_ = true;
    failed_.reset();
  } else {
    // Said once: it is tried again every second, perhaps until somebody updates the extension.
    const bool away = list.error().kind == ErrorKind::kUnavailable;
    const bool said = failed_ && failed_->message == list.error().message;
    spdlog::log(away || said ? spdlog::level::debug : spdlog::level::err,
                "cannot read the consumers: {}", list.error().message);
    failed_ = list.error();
    retry_->Set(kRetryAfter);
  }
  if (again && list.ok()) Refresh();
  if (changed) on_changed_();
  for (const Search& search : searches) {
    if (const ConsumerInfo* info = Lookup(search.id_or_name)) {
      search.on_found(info);
    } else if (list.ok()) {
      search.on_found(Error{ErrorKind::kNotFound, "no consumer \"" + search.id_or_name + "\""});
    } else {
      search.on_found(list.error());
    }
  }
}

}  // namespace sequin
