//! Small maps and sets, put together one by one.

/// An iterator whose elements go into a collection one after the other. `collect` has a map or a
/// set sort them first: five kilobytes of code for each type, for a handful of elements.
pub trait Gather: Iterator + Sized {
    /// All elements.
    fn gather<C: Default + Extend<Self::Item>>(self) -> C {
        let mut collection = C::default();
        self.for_each(|element| collection.extend([element]));
        collection
    }
}

impl<I: Iterator> Gather for I {}
