//! Timer, alert and hand at the same time, on the same state.

use std::thread;

use anyhow::{Result, ensure};
use lab::Cut;

use crate::bed::{Bed, LONG};
use crate::node::{run_as, state};

pub const TESTS: &[(&str, crate::Test)] = &[("fifty_passes_at_once", fifty_passes_at_once)];

fn fifty_passes_at_once(bed: &Bed) -> Result<()> {
    let node = bed.node(1);
    let storm = "for i in $(seq 17); do \
            ringcheck --once & pids=\"$pids $!\"; \
            setpriv --reuid=hacluster --regid=haclient --clear-groups env -i \
                CRM_alert_kind=node CRM_alert_version=2.1.5 CRM_alert_desc=member \
                /usr/share/ringcheck/alerts/ringcheck-alert & pids=\"$pids $!\"; \
            systemctl start ringcheck.service & pids=\"$pids $!\"; \
        done; \
        for pid in $pids; do wait $pid || echo \"one ended with $?\"; done";
    let mut broken = bed.all("UP");
    broken.extend((1..=3).map(|n| bed.attribute(n, 1, "FAULTY")));
    for (wanted, cut) in [(bed.all("UP"), None), (broken, Some(Cut::Carrier))] {
        if let Some(how) = cut {
            bed.node(1).cut(1, how)?;
        }
        let ended = thread::scope(|scope| -> Result<_> {
            let other = scope.spawn(|| run_as(bed.node(2), "root", &["ringcheck", "--once"]));
            let ended = run_as(node, "root", &["sh", "-c", storm])?;
            other.join().expect("no panic")?;
            Ok(ended)
        })?;
        ensure!(ended.stdout.is_empty(), "{ended:?}");
        bed.wait_on(2, "the right attributes", LONG, &wanted)?;
        let files = node.sh("stat -c '%n %U:%G %a' /run/ringcheck /run/ringcheck/*")?;
        let expected = "/run/ringcheck hacluster:haclient 750\n\
            /run/ringcheck/lock hacluster:haclient 640\n\
            /run/ringcheck/notified hacluster:haclient 750\n\
            /run/ringcheck/state.json hacluster:haclient 640\n";
        ensure!(files == expected, "{files}");
        let published = state(node)?["published"].clone();
        for ((name, attribute), value) in &wanted {
            ensure!(
                name != node.name() || published[attribute] == **value,
                "{published}"
            );
        }
    }
    Ok(())
}
