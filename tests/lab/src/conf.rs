//! The texts that make a cluster: corosync.conf and the first CIB.

use crate::spec::{Family, Spec, Transport};

/// The first CIB.  With `dc-deadtime` at its default of 20 s the first election would
/// take that long.  The versions are old, so that every Pacemaker 2 and 3 accepts them.
pub(crate) const CIB: &str = r#"<cib crm_feature_set="3.0.14" validate-with="pacemaker-3.0" epoch="1" num_updates="0" admin_epoch="0">
  <configuration>
    <crm_config>
      <cluster_property_set id="cib-bootstrap-options">
        <nvpair id="cib-bootstrap-options-dc-deadtime" name="dc-deadtime" value="2s"/>
        <nvpair id="cib-bootstrap-options-stonith-enabled" name="stonith-enabled" value="false"/>
      </cluster_property_set>
    </crm_config>
    <nodes/>
    <resources/>
    <constraints/>
  </configuration>
  <status/>
</cib>
"#;

/// corosync.conf of a cluster.
pub(crate) fn corosync(spec: &Spec) -> String {
    let mut totem = String::from("    version: 2\n    cluster_name: lab\n");
    totem += match spec.transport {
        Transport::Knet => "    transport: knet\n    crypto_cipher: none\n    crypto_hash: none\n",
        Transport::Udpu => "    transport: udpu\n",
        Transport::Udp => "    transport: udp\n",
    };
    if spec.family == Family::V6 && spec.transport != Transport::Knet {
        totem += "    ip_version: ipv6\n";
    }
    for (name, value) in &spec.totem {
        totem += &format!("    {name}: {value}\n");
    }
    if spec.transport == Transport::Udp {
        let group = match spec.family {
            Family::V4 => "239.255.77.1",
            Family::V6 => "ff15::77",
        };
        totem += &format!(
            "    interface {{\n        ringnumber: 0\n        bindnetaddr: {}\n        \
             mcastaddr: {group}\n        mcastport: 5405\n    }}\n",
            spec.network(0)
        );
    }
    let mut quorum = String::from("    provider: corosync_votequorum\n");
    if spec.nodes == 2 {
        quorum += "    two_node: 1\n";
    }
    let nodes: String = (1..=spec.nodes).map(|n| node(spec, n)).collect();
    format!(
        "totem {{\n{totem}}}\nnodelist {{\n{nodes}}}\nquorum {{\n{quorum}}}\n\
         logging {{\n    to_logfile: yes\n    logfile: /var/log/corosync/corosync.log\n    \
         to_syslog: yes\n    timestamp: on\n}}\n"
    )
}

fn node(spec: &Spec, n: usize) -> String {
    let mut node = format!("    node {{\n        name: {}\n", spec.name(n));
    if !spec.generated_ids {
        node += &format!("        nodeid: {}\n", spec.id(n));
    }
    for &link in &spec.links {
        node += &format!("        ring{link}_addr: {}\n", spec.ring_address(n, link));
    }
    node + "    }\n"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cluster_of_two_with_a_gap_between_its_links() {
        let spec = Spec {
            nodes: 2,
            links: vec![0, 2],
            ids: Some(vec![7, 65535]),
            totem: vec![("token".into(), "5000".into())],
            ..Spec::default()
        };
        let expected = "\
totem {
    version: 2
    cluster_name: lab
    transport: knet
    crypto_cipher: none
    crypto_hash: none
    token: 5000
}
nodelist {
    node {
        name: n1
        nodeid: 7
        ring0_addr: 10.77.0.1
        ring2_addr: 10.77.2.1
    }
    node {
        name: n2
        nodeid: 65535
        ring0_addr: 10.77.0.2
        ring2_addr: 10.77.2.2
    }
}
quorum {
    provider: corosync_votequorum
    two_node: 1
}
logging {
    to_logfile: yes
    logfile: /var/log/corosync/corosync.log
    to_syslog: yes
    timestamp: on
}
";
        assert_eq!(corosync(&spec), expected);
    }

    #[test]
    fn udpu_knows_no_crypto() {
        let spec = Spec {
            transport: Transport::Udpu,
            links: vec![0],
            ..Spec::default()
        };
        let text = corosync(&spec);
        assert!(
            text.contains("transport: udpu\n") && !text.contains("crypto"),
            "{text}"
        );
    }

    #[test]
    fn multicast_has_a_group_and_may_have_generated_ids() {
        let spec = Spec {
            transport: Transport::Udp,
            links: vec![0],
            generated_ids: true,
            ..Spec::default()
        };
        let text = corosync(&spec);
        assert!(text.contains("bindnetaddr: 10.77.0.0\n"), "{text}");
        assert!(!text.contains("nodeid"), "{text}");
        assert_eq!(spec.id(2), 0x0a4d_0002);
    }
}
