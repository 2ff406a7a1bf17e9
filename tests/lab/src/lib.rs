//! A real Corosync and Pacemaker cluster on one machine.
//!
//! Each node is a systemd-nspawn container that boots the distribution's own
//! systemd, corosync, pacemaker and pcsd; each Corosync link is a bridge that
//! the nodes are plugged into, so a cable can be pulled.
//!
//! Everything of a lab hangs on one control group and one process (see
//! [`mod@place`]): the mounts and the networks are in that process's private
//! mount namespace, so killing the group takes all of it away.  A guardian does
//! that when the owner of a [`Cluster`] ends, in whatever way (see `guard`).

mod apt;
mod cgroup;
mod cluster;
mod command;
mod conf;
mod demo;
mod guard;
mod host;
mod image;
mod network;
mod node;
mod package;
pub mod place;
mod spec;
mod steps;
mod wait;

pub use cluster::Cluster;
pub use demo::{demo, outfit, package, up};
pub use image::Image;
pub use network::Cut;
pub use node::Node;
pub use package::{build_package, build_rpm, older_package};
pub use spec::{Family, Form, Spec, Transport};
pub use steps::Steps;
pub use wait::wait_until;
