// Builds the text form of a one-dimensional array.
#pragma once

#include <string>
#include <string_view>

namespace sequin {

class ArrayLiteral {
 public:
  // Sizes are for memory only.
  ArrayLiteral(size_t elements, size_t element_bytes) {
    text_.reserve(elements * (element_bytes + 1) + 2);
  }

  void AddNull() { Begin() += "NULL"; }
  // For what holds letters, digits and hyphens only, and is not NULL: numbers, uuids, our own
  // words.
  void AddPlain(std::string_view element) { Begin() += element; }
  void Add(std::string_view element);

  std::string Take() && {
    text_ += '}';
    return std::move(text_);
  }

 private:
  std::string& Begin() {
    text_ += text_.size() > 1 ? "," : "";
    return text_;
  }

  std::string text_ = "{";
};

}  // namespace sequin
