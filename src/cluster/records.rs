//! Lists in the output of other programs. Single records may be malformed: left over from another
//! cluster stack, made by hand, or newer than this program.

/// Collects the records that can be read and skips the others. Returns none if there are records
/// and not one can be read: the format is then not the expected one.
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
