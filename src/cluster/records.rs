//! Lists in other programs' answers, some of whose records may be odd: left over from another
//! cluster stack, made by hand, or newer than this program.

/// The records that can be read: an odd one hides no other. None if not one of them can be, for
/// then the answer is not what was expected.
pub fn readable<T>(records: impl IntoIterator<Item = Option<T>>) -> Option<Vec<T>> {
    let mut odd = false;
    let mut read = Vec::new();
    for record in records {
        match record {
            Some(record) => read.push(record),
            None => odd = true,
        }
    }
    (!odd || !read.is_empty()).then_some(read)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_odd_record_hides_no_other() {
        assert_eq!(readable([Some(1), None, Some(3)]), Some(vec![1, 3]));
        assert_eq!(readable([None::<u8>, None]), None);
        assert_eq!(readable([None::<u8>; 0]), Some(vec![]));
    }
}
