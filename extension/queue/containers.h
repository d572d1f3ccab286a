// Arrays and hash maps whose memory comes from a home: a memory context in the server, the heap in
// tests. Trivially destructible: what is not released goes away with its home.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <new>
#include <type_traits>

namespace sequin {

struct Memory {
  void* home;
  void* (*allocate)(void* home, size_t bytes);
  void (*release)(void* home, void* block);

  template <typename T>
  T* New() const {
    static_assert(std::is_trivially_destructible_v<T>);
    return new (allocate(home, sizeof(T))) T{};
  }
  template <typename T>
  T* NewArray(size_t count) const {
    static_assert(std::is_trivially_copyable_v<T>);
    return static_cast<T*>(allocate(home, sizeof(T) * (count ? count : 1)));
  }
  void Release(void* block) const {
    if (block != nullptr) release(home, block);
  }
};

template <typename T>
class Array {
 public:
  static_assert(std::is_trivially_copyable_v<T>);

  explicit Array(Memory memory) : memory_(memory) {}

  T* begin() { return data_; }
  T* end() { return data_ + count_; }
  const T* begin() const { return data_; }
  const T* end() const { return data_ + count_; }
  T& operator[](size_t i) { return data_[i]; }
  const T& operator[](size_t i) const { return data_[i]; }
  size_t size() const { return count_; }
  bool empty() const { return count_ == 0; }
  void clear() { count_ = 0; }
  void resize(size_t count) { count_ = count; }  // to fewer

  void push(const T& value) {
    if (count_ == capacity_) Grow();
    data_[count_++] = value;
  }

 private:
  void Grow() {
    capacity_ = capacity_ ? capacity_ * 2 : 16;
    T* bigger = memory_.NewArray<T>(capacity_);
    if (count_ > 0) memcpy(static_cast<void*>(bigger), data_, count_ * sizeof(T));
    memory_.Release(data_);
    data_ = bigger;
  }

  Memory memory_;
  T* data_ = nullptr;
  size_t count_ = 0;
  size_t capacity_ = 0;
};

// Open addressing with linear probing; erasing moves later entries back, so there are no graves.
template <typename Value>
class HashMap {
 public:
  static_assert(std::is_trivially_copyable_v<Value>);

  explicit HashMap(Memory memory) : memory_(memory) {}

  size_t size() const { return count_; }

  Value* Find(uint64_t key) {
    if (count_ == 0) return nullptr;
    for (size_t i = Home(key);; i = Next(i)) {
      if (!slots_[i].used) return nullptr;
      if (slots_[i].key == key) return &slots_[i].value;
    }
  }

  // The value of `key`, made of zeroes when it is new. Valid until the next Put or Erase.
  Value* Put(uint64_t key) {
    if ((count_ + 1) * 4 > capacity_ * 3) Grow();
    size_t i = Home(key);
    while (slots_[i].used && slots_[i].key != key) i = Next(i);
    if (!slots_[i].used) {
      slots_[i] = Slot{key, true, Value{}};
      count_++;
    }
    return &slots_[i].value;
  }

  void Erase(uint64_t key) {
    if (count_ == 0) return;
    size_t hole = Home(key);
    while (slots_[hole].used && slots_[hole].key != key) hole = Next(hole);
    if (!slots_[hole].used) return;
    for (size_t i = Next(hole); slots_[i].used; i = Next(i)) {
      bool reachable =
          ((i - Home(slots_[i].key)) & (capacity_ - 1)) < ((i - hole) & (capacity_ - 1));
      if (reachable) continue;
      slots_[hole] = slots_[i];
      hole = i;
    }
    slots_[hole].used = false;
    count_--;
  }

  template <typename Visit>
  void ForEach(Visit&& visit) {
    for (size_t i = 0; i < capacity_; i++) {
      if (slots_[i].used) visit(slots_[i].key, slots_[i].value);
    }
  }

 private:
  struct Slot {
    uint64_t key;
    bool used;
    Value value;
  };

  // Keys may come from outside: spread them (Fibonacci hashing).
  size_t Home(uint64_t key) const { return ((key * 0x9e3779b97f4a7c15u) >> 20) & (capacity_ - 1); }
  size_t Next(size_t i) const { return (i + 1) & (capacity_ - 1); }

  void Grow() {
    Slot* old = slots_;
    size_t old_capacity = capacity_;
    capacity_ = capacity_ ? capacity_ * 2 : 16;
    slots_ = memory_.NewArray<Slot>(capacity_);
    for (size_t i = 0; i < capacity_; i++) slots_[i].used = false;
    for (size_t i = 0; i < old_capacity; i++) {
      if (!old[i].used) continue;
      size_t at = Home(old[i].key);
      while (slots_[at].used) at = Next(at);
      slots_[at] = old[i];
    }
    memory_.Release(old);
  }

  Memory memory_;
  Slot* slots_ = nullptr;
  size_t count_ = 0;
  size_t capacity_ = 0;
};

// A reference to something callable, for the length of one call.
template <typename Signature>
class FunctionRef;

template <typename Result, typename... Args>
class FunctionRef<Result(Args...)> {
 public:
  template <typename Body>
  requires(!std::is_same_v<std::remove_cvref_t<Body>, FunctionRef>)
      FunctionRef(Body&& body)  // NOLINT: converts like a plain reference
      : body_(const_cast<void*>(static_cast<const void*>(&body))),
        call_([](void* target, Args... args) -> Result {
          return (*static_cast<std::remove_reference_t<Body>*>(target))(args...);
        }) {}

  Result operator()(Args... args) const { return call_(body_, args...); }

 private:
  void* body_;
  Result (*call_)(void*, Args...);
};

}  // namespace sequin
