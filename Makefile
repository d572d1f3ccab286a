# The extension, as PGXS users expect it: make, make install, make installcheck.
# The agent and the unit tests are built by CMakeLists.txt.
#
#   make CRASH_POINTS=1   compiles the crash points of tests/crash and the planted bugs of tests/fidelity
#                         in (never for production)

EXTENSION  = extension/sequin
# Not VERSION: PGXS takes that name for the server's.
SEQUIN_VERSION = 0.2.0
# Released versions that are updated from: see extension/upgrade/README.md.
SEQUIN_PREVIOUS = 0.1.0
MODULE_big = sequin

# The order is the order of installation: what is declared, what is stored, what can be called.
API = $(srcdir)/extension/api
API_SQL = $(addprefix $(API)/,$(shell cat $(API)/index))
# Functions and views; an update replaces all of them.
CODE_SQL = $(filter-out %/schema.sql %/library.sql %tables.sql %/grants.sql,$(API_SQL))
UPGRADE = $(srcdir)/extension/upgrade
UPGRADE_STEP = $(UPGRADE)/$(SEQUIN_PREVIOUS)--$(SEQUIN_VERSION)

OBJS = $(patsubst $(srcdir)/%.cpp,%.o,$(sort $(wildcard $(srcdir)/extension/*.cpp $(srcdir)/extension/*/*.cpp)))
DATA = $(wildcard $(UPGRADE)/sequin--*.sql)
DATA_built = extension/sequin--$(SEQUIN_VERSION).sql extension/sequin--$(SEQUIN_PREVIOUS)--$(SEQUIN_VERSION).sql

REGRESS      = $(patsubst $(srcdir)/sql/%.sql,%,$(sort $(wildcard $(srcdir)/sql/*.sql)))
REGRESS_OPTS = --inputdir=$(srcdir) --outputdir=$(CURDIR)/build/regress --load-extension=sequin
ISOLATION      = $(patsubst $(srcdir)/tests/isolation/specs/%.spec,%,$(sort $(wildcard $(srcdir)/tests/isolation/specs/*.spec)))
ISOLATION_OPTS = --inputdir=$(srcdir)/tests/isolation --outputdir=$(CURDIR)/build/isolation --load-extension=sequin

PG_CPPFLAGS = -I$(srcdir)/extension -DSEQUIN_VERSION='"$(SEQUIN_VERSION)"'
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

# A script that one may not do without is not left half written.
.DELETE_ON_ERROR:

extension/sequin--$(SEQUIN_VERSION).sql: $(API_SQL) $(API)/index Makefile
	sed 's/@VERSION@/$(SEQUIN_VERSION)/' $(API_SQL) > $@

# Postgres refuses to replace what is not a member of the extension in its scripts (as of 14.5), so
# that CREATE OR REPLACE cannot take hold of somebody else's object here.
extension/sequin--$(SEQUIN_PREVIOUS)--$(SEQUIN_VERSION).sql: $(CODE_SQL) $(API)/library.sql $(API)/index Makefile \
    $(UPGRADE)/header.sql $(UPGRADE)/new_objects.sql $(UPGRADE_STEP)/before.sql $(UPGRADE_STEP)/after.sql
	cat $(UPGRADE)/header.sql > $@
	sed 's/@VERSION@/$(SEQUIN_VERSION)/' $(API)/library.sql $(UPGRADE_STEP)/before.sql >> $@
	sed 's/^CREATE \(FUNCTION\|VIEW\)/CREATE OR REPLACE \1/' $(CODE_SQL) >> $@
	cat $(UPGRADE)/new_objects.sql $(UPGRADE_STEP)/after.sql >> $@

extension/pg/version.o: Makefile

installcheck: build/regress build/isolation
build/regress build/isolation:
	mkdir -p $@

-include $(OBJS:.o=.d)
