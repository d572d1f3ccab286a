// Memory contexts as the ownership model: objects live in a named context and die with it.
#pragma once

#include <new>
#include <utility>

#include "pg/prelude.h"

namespace sequin {

// Objects in memory contexts are never destroyed, and an ERROR jumps over frames: only types whose
// destructor does nothing may be made.
template <typename T>
concept TriviallyDestructible = std::is_trivially_destructible_v<T>;

template <TriviallyDestructible T, typename... Args>
T* New(MemoryContext context, Args&&... args) {
  return new (MemoryContextAlloc(context, sizeof(T))) T{std::forward<Args>(args)...};
}

template <TriviallyDestructible T>
T* NewArray(MemoryContext context, size_t count) {
  return static_cast<T*>(MemoryContextAllocHuge(context, sizeof(T) * (count ? count : 1)));
}

inline MemoryContext NewContext(MemoryContext parent, const char* name_literal) {
  return AllocSetContextCreateInternal(parent, name_literal, ALLOCSET_DEFAULT_SIZES);
}

// Lets this process keep the megabytes that it frees, up to `bytes`, instead of giving them back to
// the kernel and faulting them in again with the next statement. Once for the process.
void KeepFreedMemory(int bytes);

// Runs `body` with `context` as the current one. An ERROR leaves the switch to the error handling,
// which resets the current context itself.
template <typename Body>
auto InContext(MemoryContext context, Body&& body) {
  MemoryContext before = MemoryContextSwitchTo(context);
  if constexpr (std::is_void_v<decltype(body())>) {
    body();
    MemoryContextSwitchTo(before);
  } else {
    auto result = body();
    MemoryContextSwitchTo(before);
    return result;
  }
}

// A growable array in a memory context. Grows by doubling; never shrinks.
template <typename T>
requires std::is_trivially_copyable_v<T>
struct Vec {
  MemoryContext context = nullptr;
  T* data = nullptr;
  size_t count = 0;
  size_t capacity = 0;

  T* begin() { return data; }
  T* end() { return data + count; }
  const T* begin() const { return data; }
  const T* end() const { return data + count; }
  T& operator[](size_t i) { return data[i]; }
  const T& operator[](size_t i) const { return data[i]; }
  T& back() { return data[count - 1]; }
  bool empty() const { return count == 0; }
  void clear() { count = 0; }
  void push(const T& value) {
    if (count == capacity) Grow();
    data[count++] = value;
  }

 private:
  void Grow() {
    capacity = capacity ? capacity * 2 : 16;
    if (data == nullptr) {
      MemoryContext home = context ? context : CurrentMemoryContext;
      data = static_cast<T*>(MemoryContextAllocHuge(home, capacity * sizeof(T)));
    } else {
      data = static_cast<T*>(repalloc_huge(data, capacity * sizeof(T)));
    }
  }
};

}  // namespace sequin
