// Errors as values: a Result holds either what was asked for or why it could not be had.
#pragma once

#include <string>
#include <utility>
#include <variant>

namespace sequin {

enum class ErrorKind {
  kInvalid,      // the request itself is wrong: retrying it is pointless
  kNotFound,     // a consumer that does not exist (SQLSTATE 42704)
  kUnavailable,  // no database, or the answer was lost: the statement may or may not have run
  kDatabase,     // the database refused the statement
  kOverloaded,   // one of our own limits
};

struct Error {
  ErrorKind kind = ErrorKind::kInvalid;
  std::string message;
  std::string sqlstate = {};
};

template <typename T>
class [[nodiscard]] Result {
 public:
  Result(T value) : state_(std::in_place_index<0>, std::move(value)) {}
  Result(Error error) : state_(std::in_place_index<1>, std::move(error)) {}

  bool ok() const { return state_.index() == 0; }
  T& value() { return std::get<0>(state_); }
  const T& value() const { return std::get<0>(state_); }
  const Error& error() const { return std::get<1>(state_); }

 private:
  std::variant<T, Error> state_;
};

struct Done {};
using Status = Result<Done>;

inline Error Invalid(std::string message) {
  return Error{ErrorKind::kInvalid, std::move(message)};
}

}  // namespace sequin
