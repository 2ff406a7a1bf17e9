# All of it needs root: the lab boots real nodes.  Their Debian is bookworm (12), or with
# SUITE=bullseye, trixie or forky 11, 13 or testing: `make test SUITE=trixie`, and so with demo,
# test-cluster, soak, bench and lab.  With SUITE=bookworm,forky the nodes have these in turn.
.PHONY: demo test test-cluster test-mixed soak bench deb rpm packages deny sbom lab lab-down setup setup-packages build-lab

SUITE = bookworm
export LAB_SUITE = $(SUITE)
export PATH := $(CURDIR)/target/tools/bin:$(PATH)
LAB = @cargo run --quiet --package ringcheck-lab --

# Show what ringcheck does on a three-node cluster when a cable is pulled.
demo: build-lab
	$(LAB) demo

# Everything that can be tested, on real clusters too.
test: setup-packages
	@cargo fmt --all --check
	@cargo clippy --locked --workspace --all-targets -- --deny warnings
	@cargo clippy --locked --test cluster -- --deny warnings
	@shellcheck alert-scripts/* packaging/*.sh packaging/rpm/*.sh
	@mandoc -T lint -W warning man/*.[58] man/ja/*.[58]
	@cargo test --locked --workspace
	@$(MAKE) --no-print-directory deny sbom packages
	@cargo test --locked --test cluster

# The cluster tests, or with TEST=name those whose names contain it.
test-cluster: setup-packages
	@cargo test --locked --test cluster -- $(TEST)

# A cluster of two releases, as it is during an upgrade: its nodes go and come, and whatever may
# happen to it.
test-mixed: SUITE = bookworm,forky
test-mixed: setup-packages
	@cargo test --locked --test cluster -- lifecycle::
	@cargo test --locked --test cluster -- whatever_happens_shortly

# Whatever may happen to a cluster, at random: STEPS=n things, by chance or as with SEED=s.
soak: setup
	@SEED=$${SEED:-$$(date +%s)} STEPS=$${STEPS:-300} \
		cargo test --locked --test cluster -- --ignored --exact soak

# What ringcheck costs, side by side with what could be run instead, into docs/cost.md: an hour.
# ONLY=latency does one section (clients, startup, growth, latency, activation or day) and leaves
# the others; ROUNDS=n, AGENT_ROUNDS=n, TRIALS=n, MINUTES=n make it shorter.
bench: setup
	@cargo test --locked --test cluster -- --ignored bench_$(ONLY)

# The Debian package, in target/debian.
deb: setup
	@sh packaging/prepare.sh
	@cargo deb --locked --package ringcheck

# The rpm package, in target/generate-rpm.
rpm: setup-packages
	@sh packaging/prepare.sh
	@cargo build --quiet --locked --release
	@cargo generate-rpm --auto-req find-requires

# Both, and what their distributions' checkers and the shells say of them.
packages: deb rpm
	@sh packaging/completions.sh
	@lintian --allow-root --fail-on error target/debian/*.deb
	@rpmlint --config packaging/rpm/rpmlint.toml target/generate-rpm/*.rpm
	@sh packaging/rpm/check.sh target/generate-rpm/*.rpm

# What it is built with: licences, sources, duplicates, and known faults where their list can be had.
deny: setup-packages
	@cargo deny --locked check bans licenses sources
	@if timeout 60 cargo deny --locked fetch db 2> target/advisories.log; \
		then cargo deny --locked --offline check advisories; \
		else echo "advisories not checked: their database cannot be had (target/advisories.log)"; fi

# The list of all crates in the program, in target/ringcheck.cdx.json (CycloneDX).
sbom: setup-packages
	@cargo cyclonedx --quiet --format json --override-filename ringcheck.cdx
	@mv ringcheck.cdx.json target/
	@rm -f tests/lab/ringcheck.cdx.json

# Leave such a cluster up to play with.
lab: build-lab
	$(LAB) up --deb

# Take it down.
lab-down: build-lab
	$(LAB) down

build-lab: setup
	@cargo build --package ringcheck-lab

# Install what is missing on this machine.
setup:
	@sh tests/lab/setup.sh

# The same for packages: an rpm can be built without Debian.
setup-packages:
	@sh packaging/setup.sh
