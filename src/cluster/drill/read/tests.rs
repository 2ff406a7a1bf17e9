use proptest::prelude::*;

use super::*;

const SCREEN: &str = r#"<pacemaker-result api-version="2.25" request="crm_mon">
  <summary>
    <current_dc present="true" version="2.1.5" name="n2" id="2" with_quorum="true" mixed_version="false"/>
    <cluster_options stonith-enabled="false" symmetric-cluster="true" no-quorum-policy="stop" maintenance-mode="false" stop-all-resources="false"/>
  </summary>
  <nodes>
    <node name="n1" id="1" online="true" standby="false" standby_onfail="false" maintenance="false" pending="false" unclean="false" shutdown="false" type="member"/>
    <node name="n2" id="2" online="true" standby="true" standby_onfail="false" maintenance="false" pending="false" unclean="false" shutdown="false" type="member"/>
    <node name="far" id="far" online="true" standby="false" type="remote"/>
  </nodes>
  <resources>
    <resource id="ringcheck-drill" resource_agent="ocf:pacemaker:Dummy" role="Started" target_role="Started" active="true" orphaned="false" blocked="false" managed="true" failed="false" failure_ignored="false" nodes_running_on="1">
      <node name="n1" id="1" cached="true"/>
    </resource>
    <clone id="c" multi_state="false">
      <resource id="web" resource_agent="ocf:heartbeat:apache" role="Started" active="true" blocked="false" managed="true" failed="false" nodes_running_on="1">
        <node name="n2" id="2" cached="true"/>
      </resource>
      <resource id="web" resource_agent="ocf:heartbeat:apache" role="Started" active="true" blocked="false" managed="true" failed="false" nodes_running_on="1">
        <node name="n1" id="1" cached="true"/>
      </resource>
    </clone>
    <resource id="fence" resource_agent="stonith:fence_xvm" role="Stopped" active="false" blocked="false" managed="true" failed="false" nodes_running_on="0"/>
  </resources>
  <node_attributes>
    <node name="n1">
      <attribute name="pingd" value="100" expected="200"/>
      <attribute name="ringlost_0" value="n2"/>
      <attribute name="ringnumber_1" value="10.77.1.1 is UP"/>
      <attribute name="ringnumber_0" value="10.77.0.1 is FAULTY"/>
    </node>
  </node_attributes>
  <node_history>
    <node name="n1">
      <resource_history id="web" orphan="false" migration-threshold="1000000">
        <operation_history call="9" task="monitor" rc="1" rc_text="error" interval="5000ms"/>
      </resource_history>
      <resource_history id="ringcheck-drill" orphan="false" migration-threshold="1000000" fail-count="1">
        <operation_history call="20" task="start" rc="0" rc_text="ok" exec-time="36ms" queue-time="0ms"/>
        <operation_history call="-1" task="monitor" rc="193" rc_text="unknown" interval="5000ms"/>
        <operation_history call="22" task="monitor" rc="0" rc_text="ok" interval="5000ms"/>
      </resource_history>
    </node>
  </node_history>
  <status code="0" message="OK"/>
</pacemaker-result>"#;

const FAILED: &str = r#"<operation_history call="22" task="monitor" rc="7" rc_text="not running" interval="5000ms"/>"#;

#[test]
fn reads_the_cluster() {
    let scene = scene(SCREEN).unwrap();
    assert!(scene.dc && scene.quorum);
    let options = Options {
        symmetric: true,
        ..Options::default()
    };
    assert_eq!(scene.options, options);
    let able = scene.nodes.iter().filter(|node| node.is_able());
    let able: Vec<&str> = able.map(|node| node.name.as_str()).collect();
    assert_eq!(able, ["n1"], "one is in standby, one is remote");
    let first = Some(("ringnumber_0", "10.77.0.1 is FAULTY"));
    assert_eq!(scene.ring("n1"), first);
    assert_eq!(scene.ring("n2"), None);
}

#[test]
fn reads_the_drills_resource_and_the_others() {
    let seen = scene(SCREEN).unwrap();
    assert_eq!(seen.started_on(), Some("n1"));
    assert_eq!(seen.others_on("n1"), ["web"]);
    assert_eq!(seen.others_on("n3"), [""; 0]);
    assert_eq!(seen.told(), "Started on n1");
    let failed = SCREEN.replacen("failed=\"false\"", "failed=\"true\"", 1);
    let failed = scene(&failed).unwrap();
    assert_eq!(failed.started_on(), None);
    assert_eq!(failed.told(), "Started on n1, failed");
    let gone = SCREEN.replace("resource id=\"ringcheck-drill\"", "resource id=\"x\"");
    assert_eq!(scene(&gone).unwrap().resource(), None);
}

#[test]
fn a_failure_is_one_of_its_own_monitor() {
    let well = scene(SCREEN).unwrap();
    assert_eq!(
        well.failed_monitor(),
        None,
        "others fail, too, and what is ordered did not"
    );
    assert_eq!(well.last_start("n1"), Some(20));
    assert_eq!(well.last_start("n2"), None);
    let (before, after) = SCREEN.rsplit_once("</resource_history>").unwrap();
    let failed = scene(&format!("{before}{FAILED}</resource_history>{after}")).unwrap();
    let monitor = failed.failed_monitor().unwrap();
    assert_eq!((monitor.node.as_str(), monitor.code), ("n1", 7));
    assert_eq!(monitor.text, "not running");
    let probe = FAILED.replace(" interval=\"5000ms\"", "");
    let probed = scene(&format!("{before}{probe}</resource_history>{after}")).unwrap();
    assert_eq!(
        probed.failed_monitor(),
        None,
        "a probe looks where it should not run"
    );
    assert!(!probed.lacks_agent("n1"));
    let missing = probe.replace("rc=\"7\"", "rc=\"5\"");
    let missing = scene(&format!("{before}{missing}</resource_history>{after}")).unwrap();
    assert!(missing.lacks_agent("n1") && !missing.lacks_agent("n2"));
}

#[test]
fn in_doubt_there_is_fencing_and_no_quorum() {
    let silent = SCREEN
        .replace(" stonith-enabled=\"false\"", "")
        .replace(" with_quorum=\"true\"", "");
    let silent = scene(&silent).unwrap();
    assert!(silent.options.fencing && !silent.quorum);
}

#[test]
fn fencing_has_two_names() {
    let options = |options: &str| {
        let screen = SCREEN.replace("stonith-enabled=\"false\"", options);
        let options = scene(&screen).unwrap().options;
        (options.fencing, options.fencing_name())
    };
    for (shown, expected) in [
        (r#"stonith-enabled="true""#, (true, "stonith-enabled")),
        (r#"stonith-enabled="false""#, (false, "stonith-enabled")),
        (r#"fencing-enabled="false""#, (false, "fencing-enabled")),
        (
            r#"stonith-enabled="true" fencing-enabled="true""#,
            (true, "fencing-enabled"),
        ),
        (
            r#"stonith-enabled="false" fencing-enabled="false""#,
            (false, "fencing-enabled"),
        ),
    ] {
        assert_eq!(options(shown), expected, "{shown}");
    }
}

#[test]
fn takes_no_half_answer() {
    assert_eq!(scene(&SCREEN[..SCREEN.len() / 2]), None);
    assert_eq!(scene("<pacemaker-result/>"), None);
    for word in [
        "online",
        "role",
        "active",
        "resource_agent",
        "cluster_options",
    ] {
        assert_eq!(scene(&SCREEN.replace(word, "other")), None, "{word}");
    }
    assert_eq!(stored("<cib><configuration/></cib>"), None);
    assert_eq!(stored("<cib"), None);
}

#[test]
fn one_odd_record_hides_no_other() {
    let odd = SCREEN
        .replacen("<nodes>", r#"<nodes><node name="old1" id="old1" online="false" type="member"/><node id="9"/><node name="n9"/>"#, 1)
        .replacen("<resources>", r#"<resources><resource id="odd"/>"#, 1)
        .replacen("<node name=\"n1\" id=\"1\" cached", "<node cached=\"true\"/><node name=\"n1\" id=\"1\" cached", 1)
        .replacen("<node_attributes>", "<node_attributes><node><attribute/></node>", 1)
        .replacen("<operation_history call=\"20\"", "<operation_history call=\"20\" task=\"start\"/><operation_history call=\"20\"", 1);
    let (mut seen, whole) = (scene(&odd).unwrap(), scene(SCREEN).unwrap());
    let old = seen.nodes.remove(0);
    assert_eq!((old.name.as_str(), old.is_able()), ("old1", false));
    assert_eq!(seen, whole);
    let odd = CIB
        .replacen(
            "<status>",
            r#"<status><node_state><nvpair name="standby"/></node_state>"#,
            1,
        )
        .replacen(
            "<nodes>",
            r#"<nodes><node id="old1" uname="old1"/><node/>"#,
            1,
        )
        .replacen("<resources>", "<resources><primitive/>", 1)
        .replacen("<constraints>", "<constraints><rsc_location/>", 1);
    assert_eq!(stored(&odd), stored(CIB));
}

const CIB: &str = r#"<cib>
  <configuration>
    <crm_config><cluster_property_set id="o"><nvpair id="w" name="stonith-watchdog-timeout" value="0s"/></cluster_property_set></crm_config>
    <nodes><node id="1" uname="n1"><instance_attributes id="i"><nvpair id="s" name="standby" value="yes"/></instance_attributes></node></nodes>
    <resources>
      <primitive id="ringcheck-drill" class="ocf" provider="pacemaker" type="Dummy"/>
      <primitive id="web" class="ocf" provider="heartbeat" type="apache"/>
    </resources>
    <constraints>
      <rsc_location id="ringcheck-drill-here" rsc="ringcheck-drill" node="n1" score="100"/>
      <rsc_location id="ringcheck-drill-standby" rsc="ringcheck-drill" node="n2" score="0"/>
      <rsc_location id="web-1" rsc="web" node="n1" score="100"/>
    </constraints>
  </configuration>
  <status>
    <node_state id="2" uname="n2">
      <transient_attributes id="2"><instance_attributes id="status-2">
        <nvpair id="status-2-standby" name="standby" value="yes"/>
        <nvpair id="f" name="fail-count-ringcheck-drill#monitor_5000" value="1"/>
        <nvpair id="l" name="last-failure-ringcheck-drill#monitor_5000" value="1"/>
      </instance_attributes></transient_attributes>
      <lrm id="2"><lrm_resources>
        <lrm_resource id="ringcheck-drill"><lrm_rsc_op id="ringcheck-drill_last_0"/></lrm_resource>
        <lrm_resource id="web"/>
      </lrm_resources></lrm>
    </node_state>
    <node_state id="1" uname="n1">
      <transient_attributes id="1"><instance_attributes id="status-1">
        <nvpair id="g" name="fail-count-ringcheck-drill-2#monitor_5000" value="1"/>
      </instance_attributes></transient_attributes>
      <lrm id="1"><lrm_resources><lrm_resource id="ringcheck-drill"/></lrm_resources></lrm>
    </node_state>
  </status>
</cib>"#;

#[test]
fn reads_what_a_drill_has_left() {
    let found = stored(CIB).unwrap();
    assert!(!found.watchdog);
    let remains = found.remains;
    assert!(remains.resource);
    assert_eq!(
        remains.constraints,
        ["ringcheck-drill-here", "ringcheck-drill-standby"]
    );
    let standby = Standby {
        node: "n2".into(),
        value: Some("yes".into()),
    };
    assert_eq!(remains.standby, Some(standby));
    assert_eq!(remains.history, ["n1", "n2"]);
    assert_eq!(remains.failures, ["n2"]);
    assert_eq!(
        remains.told(),
        [
            "standby of n2",
            "resource ringcheck-drill",
            "2 constraints",
            "history on n1, n2",
            "fail count on n2"
        ]
    );
}

#[test]
fn a_standby_that_is_not_the_drills_own_is_none_of_its_remains() {
    // An administrator's, in place of the drill's.
    let other = CIB.replace(
        r#"id="status-2-standby" name="standby" value="yes""#,
        r#"id="status-2-standby" name="standby" value="on""#,
    );
    let standby = |xml: &str| stored(xml).unwrap().remains.standby;
    let is_ended = |xml: &str| standby(xml).is_some_and(|standby| standby.is_to_be_ended());
    assert!(is_ended(CIB) && !is_ended(&other));
    // The mark names another node, which has none in the CIB, or not yet, and the one of the
    // configuration lasts for ever.
    for node in ["n1", "n3"] {
        let mark = format!("rsc=\"ringcheck-drill\" node=\"{node}\" score=\"0\"");
        let there = CIB.replace("rsc=\"ringcheck-drill\" node=\"n2\" score=\"0\"", &mark);
        let found = standby(&there).expect("a mark");
        assert!(found.node == node && !found.lasts() && found.is_to_be_ended());
    }
    let unmarked = CIB.replace("ringcheck-drill-standby", "x");
    assert_eq!(standby(&unmarked), None);
}

#[test]
fn nothing_of_others_is_taken_for_a_drills() {
    let others = CIB.replace("ringcheck-drill", "other");
    assert!(stored(&others).unwrap().remains.is_empty());
}

#[test]
fn the_options_are_read_and_a_watchdog_fences_where_its_timeout_is_not_nothing() {
    assert_eq!(stored(CIB).unwrap().refreshed, None);
    let refreshed = CIB.replace("stonith-watchdog-timeout", "last-lrm-refresh");
    let refreshed = stored(&refreshed).unwrap();
    assert_eq!(refreshed.refreshed.as_deref(), Some("0s"));
    assert!(!refreshed.watchdog);
    for (value, fences) in [("0", false), ("0s", false), ("10s", true), ("-1", true)] {
        let cib = CIB.replace("value=\"0s\"", &format!("value=\"{value}\""));
        assert_eq!(stored(&cib).unwrap().watchdog, fences, "{value}");
    }
}

#[test]
fn the_watchdogs_timeout_has_two_names() {
    let old = r#"<nvpair id="w" name="stonith-watchdog-timeout" value="0s"/>"#;
    let pair = |name: &str, value: &str| {
        format!("<nvpair id=\"{name}\" name=\"{name}\" value=\"{value}\"/>")
    };
    let fences = |features: &str, pairs: &[(&str, &str)]| {
        let pairs: String = pairs
            .iter()
            .map(|(name, value)| pair(name, value))
            .collect();
        let features = format!("<cib crm_feature_set=\"{features}\">");
        let cib = CIB.replace(old, &pairs).replace("<cib>", &features);
        stored(&cib).unwrap().watchdog
    };
    let (older, newer) = ("stonith-watchdog-timeout", "fencing-watchdog-timeout");
    for features in ["3.20.5", "3.21.0", "4.0.0"] {
        let fences = |pairs: &[(&str, &str)]| fences(features, pairs);
        assert!(!fences(&[]), "{features}");
        assert!(fences(&[(newer, "10s")]), "{features}");
        assert!(fences(&[(older, "10s")]), "{features}");
        assert!(fences(&[(older, "0"), (newer, "10s")]), "{features}");
        assert!(!fences(&[(older, "10s"), (newer, "0")]), "{features}");
        assert!(fences(&[(older, "10s"), (newer, "")]), "{features}");
    }
    for features in ["3.16.1", "3.20.1", "3.0.14"] {
        let fences = |pairs: &[(&str, &str)]| fences(features, pairs);
        assert!(!fences(&[(newer, "10s")]), "{features}");
        assert!(fences(&[(older, "10s"), (newer, "0")]), "{features}");
        assert!(!fences(&[(older, "")]), "{features}");
    }
    // If the feature set is unknown, either name counts.
    assert!(fences("?", &[(newer, "10s")]) && fences("", &[(older, "10s")]));
}

proptest! {
    #[test]
    fn no_xml_makes_it_panic(
        xml in "(</?(summary|current_dc|cluster_options|nodes|node|resources|resource|node_history|operation_history|configuration|status|node_state|nvpair)( (name|id|online|call|rc)=\"[a-z0-9]{0,3}\")*/?>|\\PC){0,20}"
    ) {
        let _ = scene(&format!("<pacemaker-result>{xml}</pacemaker-result>"));
        let _ = stored(&format!("<cib>{xml}</cib>"));
    }
}
