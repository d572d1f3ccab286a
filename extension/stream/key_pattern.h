// Keys of stream messages, and the patterns by which consumers select them. No server headers.
//
//   key     := token ("." token){0,15}         at most 255 characters
//   token   := one or more characters but "." "*" ">" and control characters
//   pattern := item ("." item){0,15} ["." ">"] | ">"
//   item    := token | "*"
//
// "*" stands for one token, a trailing ">" for one or more (as in NATS): orders.*.created matches
// orders.7.created, orders.> matches that and orders.7, but not orders.
#pragma once

#include <cstddef>
#include <string_view>

namespace sequin {

inline constexpr size_t kKeyCharactersMax = 255;
inline constexpr size_t kKeyTokensMax = 16;

enum class KeyProblem { kNone, kEmpty, kTooLong, kTooManyTokens, kEmptyToken, kBadCharacter };

namespace key_pattern {

// UTF-8 continuation bytes do not count; in single-byte encodings this says too few at worst.
inline size_t Characters(std::string_view text) {
  size_t count = 0;
  for (char c : text) count += (static_cast<unsigned char>(c) & 0xc0) != 0x80;
  return count;
}

inline bool IsTokenCharacter(char c) {
  auto byte = static_cast<unsigned char>(c);
  return byte >= 0x20 && byte != 0x7f && c != '*' && c != '>' && c != '.';
}

// Takes the first token off the front of `rest`; false when there is none left.
inline bool TakeToken(std::string_view* rest, std::string_view* token) {
  if (rest->data() == nullptr) return false;
  size_t dot = rest->find('.');
  *token = rest->substr(0, dot);
  *rest = dot == std::string_view::npos ? std::string_view() : rest->substr(dot + 1);
  return true;
}

inline KeyProblem CheckToken(std::string_view token) {
  if (token.empty()) return KeyProblem::kEmptyToken;
  for (char c : token) {
    if (!IsTokenCharacter(c)) return KeyProblem::kBadCharacter;
  }
  return KeyProblem::kNone;
}

inline KeyProblem CheckSize(std::string_view text) {
  if (text.empty()) return KeyProblem::kEmpty;
  if (text.size() > kKeyCharactersMax * 4 || Characters(text) > kKeyCharactersMax) {
    return KeyProblem::kTooLong;
  }
  return KeyProblem::kNone;
}

}  // namespace key_pattern

inline KeyProblem CheckKey(std::string_view key) {
  using namespace key_pattern;
  if (KeyProblem problem = CheckSize(key); problem != KeyProblem::kNone) return problem;
  size_t tokens = 0;
  std::string_view token;
  while (TakeToken(&key, &token)) {
    if (++tokens > kKeyTokensMax) return KeyProblem::kTooManyTokens;
    if (KeyProblem problem = CheckToken(token); problem != KeyProblem::kNone) return problem;
  }
  return KeyProblem::kNone;
}

inline KeyProblem CheckKeyPattern(std::string_view pattern) {
  using namespace key_pattern;
  if (KeyProblem problem = CheckSize(pattern); problem != KeyProblem::kNone) return problem;
  size_t tokens = 0;
  std::string_view token;
  while (TakeToken(&pattern, &token)) {
    if (++tokens > kKeyTokensMax) return KeyProblem::kTooManyTokens;
    if (token == "*" || (token == ">" && pattern.data() == nullptr)) continue;
    if (KeyProblem problem = CheckToken(token); problem != KeyProblem::kNone) return problem;
  }
  return KeyProblem::kNone;
}

inline bool KeyMatches(std::string_view pattern, std::string_view key) {
  using namespace key_pattern;
  std::string_view wanted, token;
  while (TakeToken(&pattern, &wanted)) {
    if (!TakeToken(&key, &token)) return false;
    if (wanted == ">" && pattern.data() == nullptr) return true;
    if (wanted != "*" && wanted != token) return false;
  }
  return key.data() == nullptr;
}

}  // namespace sequin
