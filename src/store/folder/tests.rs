use std::os::unix::fs::symlink;
use std::os::unix::net::UnixListener;
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::*;

fn folder() -> (tempfile::TempDir, Folder) {
    let place = tempfile::tempdir().unwrap();
    let folder = Folder::new(place.path());
    (place, folder)
}

#[test]
fn reads_what_was_written() {
    let (_place, folder) = folder();
    assert_eq!(folder.read("state").unwrap(), None);
    folder.replace("state", b"one and more").unwrap();
    folder.replace("state", b"two").unwrap();
    assert_eq!(folder.read("state").unwrap().unwrap(), b"two");
}

#[test]
fn follows_no_link() {
    let (place, folder) = folder();
    let foreign = place.path().join("foreign");
    fs::write(&foreign, "precious").unwrap();
    for name in ["state", "state.new"] {
        symlink(&foreign, place.path().join(name)).unwrap();
    }
    assert_eq!(folder.read("state").unwrap(), None);
    folder.replace("state", b"ours").unwrap();
    assert_eq!(fs::read_to_string(&foreign).unwrap(), "precious");
    assert_eq!(folder.read("state").unwrap().unwrap(), b"ours");
}

/// What can stand in the place of a file, beside what others keep there.
const SHAPES: [fn(&Path); 8] = [
    |path| fs::create_dir(path).unwrap(),
    |path| {
        fs::create_dir_all(path.join("a/b")).unwrap();
        symlink(path.with_file_name("precious"), path.join("a/link")).unwrap();
    },
    |path| symlink(path.with_file_name("precious"), path).unwrap(),
    |path| symlink("nowhere", path).unwrap(),
    |path| symlink(path.parent().unwrap(), path).unwrap(),
    |path| drop(UnixListener::bind(path).unwrap()),
    |path| assert!(Command::new("mkfifo").arg(path).status().unwrap().success()),
    |path| File::create(path).unwrap().set_len(3 << 30).unwrap(),
];

#[test]
fn whatever_stands_in_the_place_of_a_file_is_replaced() {
    for (index, shape) in SHAPES.iter().enumerate() {
        let (place, folder) = folder();
        fs::write(place.path().join("precious"), "precious").unwrap();
        for name in ["lock", "state", "state.new", "history"] {
            shape(&place.path().join(name));
        }
        assert_eq!(folder.stamp().unwrap(), Stamp::default(), "{index}");
        assert_eq!(folder.read("state").unwrap(), None, "{index}");
        let stamp = Stamp {
            passes: index as u64 + 1,
            ..Stamp::default()
        };
        let lock = folder.lock(Instant::now()).unwrap();
        lock.set_stamp(&stamp).unwrap();
        assert_eq!(folder.stamp().unwrap(), stamp, "{index}");
        folder.replace("state", b"ours").unwrap();
        assert_eq!(folder.read("state").unwrap().unwrap(), b"ours", "{index}");
        folder.append("history", b"line\n").unwrap();
        let history = folder.read_end("history").unwrap().unwrap();
        assert!(history.ends_with(b"line\n"), "{index}");
        let mut left: Vec<_> = fs::read_dir(place.path())
            .unwrap()
            .map(|entry| entry.unwrap().file_name())
            .collect();
        left.sort();
        assert_eq!(left, ["history", "lock", "precious", "state"], "{index}");
        let length = |name| fs::metadata(place.path().join(name)).unwrap().len();
        assert_eq!((length("lock"), length("precious")), (stamp::LENGTH, 8));
    }
}

#[test]
fn what_cannot_be_removed_is_put_aside() {
    let (place, folder) = folder();
    // What is in the way of that is in the way for good.
    fs::create_dir(place.path().join("lock")).unwrap();
    fs::write(place.path().join("lock.aside"), "").unwrap();
    let failure = folder.lock(Instant::now()).unwrap_err();
    assert_eq!(failure.exit, Exit::State);
    fs::remove_file(place.path().join("lock.aside")).unwrap();
    folder.lock(Instant::now()).unwrap();
}

#[test]
fn of_several_that_make_way_at_once_one_has_the_lock() {
    const PASSES: usize = 8;
    for shape in SHAPES.iter().cycle().take(10 * SHAPES.len()) {
        let (place, folder) = folder();
        fs::write(place.path().join("precious"), "precious").unwrap();
        shape(&place.path().join("lock"));
        let inside = AtomicUsize::new(0);
        thread::scope(|scope| {
            for _ in 0..PASSES {
                scope.spawn(|| {
                    let deadline = Instant::now() + Duration::from_secs(20);
                    let lock = folder.lock(deadline).unwrap();
                    assert_eq!(inside.fetch_add(1, Ordering::SeqCst), 0);
                    thread::yield_now();
                    inside.fetch_sub(1, Ordering::SeqCst);
                    drop(lock);
                });
            }
        });
    }
}

#[test]
fn who_waited_for_a_lock_that_was_removed_waits_for_the_next_one() {
    let (place, folder) = folder();
    let path = place.path().canonicalize().unwrap().join("lock");
    let held = folder.lock(Instant::now()).unwrap();
    let opened = || {
        let files = fs::read_dir("/proc/self/fd").unwrap();
        let links = files.filter_map(|file| fs::read_link(file.unwrap().path()).ok());
        links.filter(|link| *link == path).count()
    };
    let deadline = Instant::now() + Duration::from_secs(20);
    thread::scope(|scope| {
        let waits = scope.spawn(|| folder.lock(deadline));
        while opened() < 2 {
            assert!(Instant::now() < deadline);
            thread::yield_now();
        }
        fs::remove_file(&path).unwrap();
        fs::write(&path, "").unwrap();
        drop(held);
        let lock = waits.join().unwrap().unwrap();
        let number = |found: fs::Metadata| found.ino();
        let (locked, found) = (lock.0.metadata(), fs::metadata(&path));
        assert_eq!(number(locked.unwrap()), number(found.unwrap()));
    });
}

#[test]
fn a_missing_folder_says_how_to_make_it() {
    let folder = Folder::new("/nonexistent/ringcheck");
    let failure = folder.lock(Instant::now()).unwrap_err();
    assert_eq!(failure.exit, Exit::State);
    assert!(failure.line.contains("systemd-tmpfiles"), "{failure}");
}

#[test]
fn one_holds_the_lock_and_the_other_waits_for_the_deadline() {
    let (_place, folder) = folder();
    let held = folder.lock(Instant::now()).unwrap();
    let deadline = Instant::now() + Duration::from_millis(30);
    assert_eq!(folder.lock(deadline).unwrap_err().exit, Exit::Deadline);
    assert!(Instant::now() >= deadline);
    drop(held);
    folder.lock(Instant::now()).unwrap();
}

#[test]
fn the_stamp_stays_with_the_lock() {
    let (_place, folder) = folder();
    assert_eq!(folder.stamp().unwrap(), Stamp::default());
    let stamp = Stamp {
        passes: 1,
        ..Stamp::default()
    };
    let lock = folder.lock(Instant::now()).unwrap();
    lock.set_stamp(&stamp).unwrap();
    drop(lock);
    assert_eq!(folder.lock(Instant::now()).unwrap().stamp(), stamp);
    assert_eq!(folder.stamp().unwrap(), stamp);
    folder.set_stamp(&Stamp::default()).unwrap();
    assert_eq!(folder.stamp().unwrap(), Stamp::default());
}
