// A limit on the time that filters may take of the capture worker: a regular expression can be
// written so that one row takes hours.
//
//   StartFilterBudget();
//   ErrorData* error = InSubtransaction([&] { … CompileFilter or EvaluateFilter … });
//   StopFilterBudget();
//
// When the time is over the evaluation ends with an ERROR (57014), at the next place where Postgres
// looks for interrupts: all of its own loops have one. Must be stopped also after an error, so the
// subtransaction goes inside. Costs a clock reading; the timer of the system is rarely set.
#pragma once

namespace sequin {

inline constexpr int kFilterBudgetMs = 1000;

void StartFilterBudget();
void StopFilterBudget();

}  // namespace sequin
