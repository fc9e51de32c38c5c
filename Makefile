# pinhole: `make run` does the main job, `make test` passes the tests. `make help` lists the rest.
#
# Every folder of harness/ becomes one static library; every folder of harness/node/ one program.
# BUILD=DIR builds elsewhere (clang and sanitized builds live beside the plain one).

BUILD    ?= build
PYTHON   ?= /usr/bin/python3
PKGS     := libpcap libmnl libnftnl libnftables yaml-0.1 jansson
CSTD     := -std=c17 -D_GNU_SOURCE
WARNINGS := -Wall -Wextra -Werror -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wvla -Wformat=2 -Wundef
CFLAGS   ?= -O2 -g
# V=1 shows the commands whole.
V        ?=
say       = $(if $(V),,@echo "  $(1)  $(patsubst $(CURDIR)/%,%,$@)"; )
SANITIZE ?=
ifneq ($(SANITIZE),)
SANFLAGS := -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer
endif
# The rules see millions of packets: what they call in other files is to be inlined where it is called. Only
# `pinhole` itself is linked so, which takes a second.
LTO      := $(if $(SANITIZE)$(findstring clang,$(CC)),,-flto=auto -ffat-lto-objects)
ALLFLAGS  = $(CSTD) $(WARNINGS) $(CFLAGS) $(SANFLAGS) -Iharness -MMD -MP -pthread
PKGFLAGS := $(shell pkg-config --cflags $(PKGS) 2>/dev/null)
PKGLIBS  := $(shell pkg-config --libs $(PKGS) 2>/dev/null)
COAPFLAGS := $(shell pkg-config --cflags libcoap-3-openssl openssl 2>/dev/null)
COAPLIBS  := $(shell pkg-config --libs libcoap-3-openssl openssl 2>/dev/null)

# The arrows of the house: a library may use those behind it in this list.
LIBRARIES := cli measure check/cases check lab node/common engine/lwm2m engine wire base
sources    = $(sort $(wildcard harness/$(1)/*.c))
objects    = $(patsubst harness/%.c,$(BUILD)/obj/%.o,$(call sources,$(1)))
library    = $(if $(call sources,$(1)),$(BUILD)/lib/lib$(subst /,-,$(1)).a)
CLILIBS   := $(foreach l,$(filter-out cli,$(LIBRARIES)),$(call library,$(l)))
NODELIBS  := $(foreach l,engine/lwm2m engine wire base,$(call library,$(l)))
TESTLIBS  := $(foreach l,$(filter-out cli,$(LIBRARIES)),$(call library,$(l)))
PROGRAMS  := $(filter-out common,$(notdir $(patsubst %/,%,$(wildcard harness/node/*/))))
NODEBINS  := $(PROGRAMS:%=$(BUILD)/pinhole-%)
TESTS     := $(patsubst harness/test/%.c,$(BUILD)/test/%,$(wildcard harness/test/test_*.c))
FUZZERS   := $(patsubst harness/test/%.c,$(BUILD)/fuzz/%,$(wildcard harness/test/fuzz_*.c))
HELPERS   := $(BUILD)/test/senml_translate
BENCHES   := $(patsubst harness/test/%.c,$(BUILD)/test/%,$(wildcard harness/test/bench_*.c))

.PHONY: all programs peers run test check bench defects size fuzz fmt fmt-check lint arrows sanitize clang clean setup help
.DEFAULT_GOAL := all
.DELETE_ON_ERROR:
.SECONDARY:

all: programs peers ## build everything and unpack the peers

programs: $(BUILD)/pinhole $(NODEBINS)

peers: $(BUILD)/peers/.unpacked $(BUILD)/peers/npm/.unpacked

# --- programs -------------------------------------------------------------------------------

$(BUILD)/pinhole: $(call objects,cli) $(CLILIBS) | needs
	@mkdir -p $(@D)
	$(call say,LINK)$(CC) $(ALLFLAGS) $(LTO) -o $@ $(call objects,cli) $(CLILIBS) $(PKGLIBS)

LIBS_gateway := -lnftables

define program
$(BUILD)/pinhole-$(1): $$(call objects,node/$(1)) $$(call objects,node/common) $$(NODELIBS) | needs
	$$(call say,LINK)$$(CC) $$(ALLFLAGS) -fno-lto -o $$@ $$(filter %.o,$$^) $$(NODELIBS) $$(COAPLIBS) -lmnl $$(LIBS_$(1))
endef
$(foreach p,$(PROGRAMS),$(eval $(call program,$(p))))

define archive
$(call library,$(1)): $$(call objects,$(1))
	@mkdir -p $$(@D)
	@rm -f $$@
	@$$(AR) rcs $$@ $$^
endef
$(foreach l,$(filter-out cli,$(LIBRARIES)),$(if $(call sources,$(l)),$(eval $(call archive,$(l)))))

$(BUILD)/obj/node/%.o: harness/node/%.c | needs
	@mkdir -p $(@D)
	$(call say,CC  )$(CC) $(ALLFLAGS) $(COAPFLAGS) -c -o $@ $<

$(foreach l,check wire base,$(call objects,$(l))): LTOFLAGS = $(LTO)
$(BUILD)/obj/%.o: harness/%.c | needs
	@mkdir -p $(@D)
	$(call say,CC  )$(CC) $(ALLFLAGS) $(LTOFLAGS) $(PKGFLAGS) -c -o $@ $<

# --- what the machine must have -------------------------------------------------------------

.PHONY: needs
needs:
	@harness/setup/packages build

setup: ## install the packages that are missing (as root or through sudo)
	@harness/setup/packages install

$(BUILD)/peers/.unpacked: harness/setup/unpack-peers harness/setup/peers.list
	harness/setup/unpack-peers $(BUILD)/peers

$(BUILD)/peers/npm/.unpacked: harness/setup/unpack-npm harness/setup/npm/package-lock.json
	harness/setup/unpack-npm $(BUILD)/peers

# --- the two commands -----------------------------------------------------------------------

RUN_SCENARIO = $(or $(SCENARIO),scenarios/home.yaml)
# Where the build folder is somebody else's, results go to the user's own cache.
RUN_FOLDERS := $(shell mkdir -p $(BUILD)/run 2>/dev/null; \
                 [ -w $(BUILD)/run ] && echo $(BUILD)/run || echo "$${XDG_CACHE_HOME:-$$HOME/.cache}/pinhole")
RUN_FOLDER   = $(or $(OUT),$(RUN_FOLDERS)/$(basename $(notdir $(RUN_SCENARIO))))

run: setup ## set up, build, and show a device that gets a mapping (SCENARIO=FILE OUT=DIR)
	@$(MAKE) --no-print-directory all
	$(BUILD)/pinhole run $(RUN_SCENARIO) --out $(RUN_FOLDER)
	$(BUILD)/pinhole report $(RUN_FOLDER)

test: setup ## set up, build, and run every test
	@$(MAKE) --no-print-directory all
	@$(MAKE) --no-print-directory check-c check-python

check: ## run every test with what is installed
	@$(MAKE) --no-print-directory all
	@$(MAKE) --no-print-directory check-c check-python

# --- tests ----------------------------------------------------------------------------------

.PHONY: check-c check-python
$(BUILD)/test/%: harness/test/%.c $(TESTLIBS) | needs
	@mkdir -p $(@D)
	$(call say,TEST)$(CC) $(ALLFLAGS) -fno-lto $(PKGFLAGS) -DSOURCE_ROOT='"$(CURDIR)"' -o $@ $< -Wl,--start-group $(TESTLIBS) -Wl,--end-group $(PKGLIBS) -lcmocka

# Compares with what libcoap alone does.
$(BUILD)/test/bench_lwm2m_bare: PKGFLAGS += $(COAPFLAGS)
$(BUILD)/test/bench_lwm2m_bare: PKGLIBS += $(COAPLIBS)

check-c: arrows programs peers $(TESTS)
	@set -e; for t in $(TESTS); do echo "== $$t"; $$t; done

check-python: programs peers $(HELPERS)
	PINHOLE_BUILD=$(abspath $(BUILD)) $(PYTHON) -m pytest -q -p no:cacheprovider -n 4 --dist loadgroup captures scenarios dissector reports $(PYTEST)

arrows: ## the dependencies point one way
	@harness/setup/arrows

sanitize: ## build with ASan and UBSan, and run the tests under them
	@$(MAKE) --no-print-directory BUILD=$(BUILD)/sanitize SANITIZE=1 CFLAGS="-O1 -g" all check-c check-python

clang: ## build with clang
	@$(MAKE) --no-print-directory BUILD=$(BUILD)/clang CC=clang programs tests-built

.PHONY: tests-built
tests-built: $(TESTS) $(HELPERS) $(BENCHES)

$(BUILD)/fuzz/%: harness/test/%.c $(foreach l,base wire engine engine/lwm2m check,$(call sources,$(l))) | needs
	@mkdir -p $(@D)
	$(call say,FUZZ)clang $(CSTD) -g -O1 -fsanitize=fuzzer,address,undefined -fno-sanitize-recover=all -Iharness -o $@ $< $(foreach l,base wire engine engine/lwm2m check,$(call sources,$(l)))

fuzz: $(FUZZERS) ## run every fuzz target for MINUTES (5) in all; found inputs stay in build/fuzz
	@harness/test/fuzz $(BUILD)/fuzz $(or $(MINUTES),5) $(FUZZERS)

bench: programs tests-built ## measure against peers in the same run (ONLY=glob); writes build/bench.json
	$(PYTHON) harness/test/bench.py --build $(BUILD) $(if $(ONLY),--only '$(ONLY)')

defects: programs ## switch each defect of our own peers on, and see that the suite finds it (ONLY=ROLE:NAME)
	$(PYTHON) harness/test/defects.py --build $(BUILD) $(if $(ONLY),--only '$(ONLY)')

size: programs ## text, data, bss and worst stack of the PCP and LwM2M clients; writes build/size.json
	-@harness/setup/packages install size
	$(PYTHON) harness/measure/size.py --build $(BUILD)

fmt: ## format the sources
	clang-format -i $$(git ls-files 'harness/*.c' 'harness/*.h')

fmt-check:
	clang-format --dry-run -Werror $$(git ls-files 'harness/*.c' 'harness/*.h')

lint: fmt-check arrows ## clang-format (dry), clang-tidy
	git ls-files 'harness/*.c' | xargs -P 2 -I{} clang-tidy --quiet {} -- $(CSTD) -Iharness $(PKGFLAGS) $(COAPFLAGS) -DSOURCE_ROOT='""'

clean: ## remove the build folder
	rm -rf $(BUILD)

help: ## this list
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 18

-include $(shell find $(BUILD)/obj $(BUILD)/test -name '*.d' 2>/dev/null)
