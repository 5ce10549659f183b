//! What the client takes from the machine: the time, patience and chance. A test brings its own.

use std::time::Duration;

use jiff::Timestamp;

pub trait Host {
    fn now(&self) -> Timestamp;
    fn pause(&self, duration: Duration);
    /// 128 bits that nobody has used before.
    fn chance(&self) -> u128;
}

impl<H: Host + ?Sized> Host for &H {
    fn now(&self) -> Timestamp {
        (**self).now()
    }

    fn pause(&self, duration: Duration) {
        (**self).pause(duration);
    }

    fn chance(&self) -> u128 {
        (**self).chance()
    }
}

/// The machine that this runs on.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemHost;

impl Host for SystemHost {
    #[expect(
        clippy::disallowed_methods,
        reason = "an application has no runtime of Souk's that could read the clock for it"
    )]
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }

    fn pause(&self, duration: Duration) {
        std::thread::sleep(duration);
    }

    fn chance(&self) -> u128 {
        let mut bytes = [0; 16];
        getrandom::fill(&mut bytes).expect("the system has randomness");
        u128::from_ne_bytes(bytes)
    }
}
