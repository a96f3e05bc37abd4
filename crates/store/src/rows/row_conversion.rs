//! Conversions between types and their rows, member by member.

/// Implements `From` in both directions between a type and its row. Both sides are destructured
/// completely: a new member does not compile until it is named here.
///
/// A member is moved; `(into)`, `(optional)` and `(all)` convert one, an optional one, and a list.
/// With `apart State` the state is stored outside the row and returned by `with_state`; a member
/// named by `without` is recomputed and never stored.
macro_rules! both_ways {
    ($type:ident => $row:ident { $($members:tt)* }) => {
        both_ways!(@struct $type => $row { $($members)* });
        both_ways!(@struct $row => $type { $($members)* });
    };
    (enum $type:ident => $row:ident { $($variants:tt)* }) => {
        both_ways!(@enum $type => $row { $($variants)* });
        both_ways!(@enum $row => $type { $($variants)* });
    };
    ($type:ident => $row:ident, apart $state:ident $(without $left:ident)? { $($member:ident $(($how:ident))?),+ $(,)? }) => {
        impl From<&$type> for $row {
            fn from(value: &$type) -> Self {
                let $type { $($member,)+ state: _, $($left: _)? } = value.clone();
                Self { $($member: both_ways!(@member $member $($how)?)),+ }
            }
        }

        impl $row {
            pub(super) fn with_state(self, state: $state) -> $type {
                let Self { $($member),+ } = self;
                $type {
                    $($member: both_ways!(@member $member $($how)?),)+
                    state: state.into(),
                    $($left: None,)?
                }
            }
        }
    };
    (@struct $from:ident => $to:ident { $($member:ident $(($how:ident))?),+ $(,)? }) => {
        impl From<$from> for $to {
            fn from(value: $from) -> Self {
                let $from { $($member),+ } = value;
                Self { $($member: both_ways!(@member $member $($how)?)),+ }
            }
        }
    };
    (@enum $from:ident => $to:ident {
        $($variant:ident { $($member:ident $(($how:ident))?),* $(,)? }),+ $(,)?
    }) => {
        impl From<$from> for $to {
            fn from(value: $from) -> Self {
                match value {
                    $($from::$variant { $($member),* } => Self::$variant {
                        $($member: both_ways!(@member $member $($how)?)),*
                    }),+
                }
            }
        }
    };
    (@member $member:ident) => { $member };
    (@member $member:ident into) => { $member.into() };
    (@member $member:ident optional) => { $member.map(Into::into) };
    (@member $member:ident all) => { $member.into_iter().map(Into::into).collect() };
}

pub(super) use both_ways;
