// A limit on the time that a filter may take: a regular expression can be written so that one row
// takes hours, and a function can loop for ever.
//
//   StartFilterBudget(ms);
//   ErrorData* error = InSubtransaction([&] { … CompileFilter or EvaluateFilter … });
//   bool over = StopFilterBudget();
//
// When the time is over the evaluation ends with an ERROR (57014), at the next place where Postgres
// looks for interrupts: all of its own loops have one. A function that catches this error gets the
// next one as soon as it has. Must be stopped also after an error, so the subtransaction goes
// inside. Costs a clock reading; the timer of the system is rarely set.
#pragma once

namespace sequin {

void StartFilterBudget(int milliseconds);
// Whether the time was over.
bool StopFilterBudget();

}  // namespace sequin
