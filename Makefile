# The extension, as PGXS users expect it: make, make install, make installcheck.
# The agent and the unit tests are built by CMakeLists.txt.
#
#   make CRASH_POINTS=1   compiles the crash points of tests/crash and the planted bugs of tests/fidelity
#                         in (never for production)

EXTENSION  = extension/sequin
# Not VERSION: PGXS takes that name for the server's.
SEQUIN_VERSION = 0.1.0
MODULE_big = sequin

# The order is the order of installation: what is declared, what is stored, what can be called.
API_SQL = $(shell cat $(srcdir)/extension/api/index)

OBJS = $(patsubst $(srcdir)/%.cpp,%.o,$(sort $(wildcard $(srcdir)/extension/*.cpp $(srcdir)/extension/*/*.cpp)))
DATA_built = extension/sequin--$(SEQUIN_VERSION).sql

REGRESS      = $(patsubst $(srcdir)/sql/%.sql,%,$(sort $(wildcard $(srcdir)/sql/*.sql)))
REGRESS_OPTS = --inputdir=$(srcdir) --outputdir=$(CURDIR)/build/regress --load-extension=sequin
ISOLATION      = $(patsubst $(srcdir)/tests/isolation/specs/%.spec,%,$(sort $(wildcard $(srcdir)/tests/isolation/specs/*.spec)))
ISOLATION_OPTS = --inputdir=$(srcdir)/tests/isolation --outputdir=$(CURDIR)/build/isolation --load-extension=sequin

PG_CPPFLAGS = -I$(srcdir)/extension
# Trivially destructible C++: an ERROR is a longjmp and skips destructors (extension/README.md).
PG_CXXFLAGS = -std=gnu++20 -fno-exceptions -fno-rtti -fno-threadsafe-statics -fvisibility=hidden \
  -Wall -Wextra -Wshadow -Werror -Wno-register -Wno-unused-parameter -Wno-missing-field-initializers \
  -Wno-cast-function-type -Wno-volatile -Wno-implicit-fallthrough -Wno-sign-compare -MMD -MP
ifdef CRASH_POINTS
PG_CPPFLAGS += -DSEQUIN_CRASH_POINTS
endif

EXTRA_CLEAN = build/regress build/isolation $(OBJS:.o=.d)

PG_CONFIG ?= pg_config
override with_llvm = no
PGXS := $(shell $(PG_CONFIG) --pgxs)
include $(PGXS)

extension/sequin--$(SEQUIN_VERSION).sql: $(addprefix $(srcdir)/extension/api/,$(API_SQL)) $(srcdir)/extension/api/index
	cat $(addprefix $(srcdir)/extension/api/,$(API_SQL)) > $@

installcheck: build/regress build/isolation
build/regress build/isolation:
	mkdir -p $@

-include $(OBJS:.o=.d)
