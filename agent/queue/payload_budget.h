// Bounds the bytes of claimed messages in memory, across push and pull.
#pragma once

#include <algorithm>
#include <cstddef>

namespace sequin {

class PayloadBudget {
 public:
  explicit PayloadBudget(size_t bytes_max) : bytes_max_(bytes_max) {}

  void Take(size_t bytes) {
    held_ += bytes;
    // A moving average: the size of the next messages is guessed from the last ones.
    average_ = (average_ * 31 + static_cast<double>(bytes)) / 32;
  }
  void Give(size_t bytes) { held_ -= std::min(held_, bytes); }

  // How many more messages may be claimed. At least one while nothing is held, so that a message
  // larger than the whole budget still passes.
  size_t MessagesThatFit() const {
    if (held_ == 0) return std::max<size_t>(1, Fit(bytes_max_));
    return held_ >= bytes_max_ ? 0 : Fit(bytes_max_ - held_);
  }
  size_t held() const { return held_; }

 private:
  size_t Fit(size_t bytes) const {
    return static_cast<size_t>(static_cast<double>(bytes) / std::max(average_, 64.0));
  }

  size_t bytes_max_;
  size_t held_ = 0;
  double average_ = 1024;
};

}  // namespace sequin
