# All of it needs root: the lab boots real nodes.
.PHONY: demo lab lab-down setup build-lab

export PATH := $(CURDIR)/target/tools/bin:$(PATH)
LAB = @cargo run --quiet --package ringcheck-lab --

# Show what ringcheck does on a three-node cluster when a cable is pulled.
demo: build-lab
	$(LAB) demo

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
