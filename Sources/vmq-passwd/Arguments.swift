/// What the command line asks for.
struct Arguments: Equatable {
    /// What is done with the file.
    enum Action: Equatable {
        /// Add a user or give it another password.
        case set(user: String)
        /// Make a file with one user. `force`: in the place of another.
        case create(user: String, force: Bool)
        case delete(user: String)
        /// Hash what is there in plain text.
        case upgrade
        case help
    }

    /// Why a command line means nothing.
    struct Mistake: Error, Equatable {
        let text: String
    }

    let action: Action
    let path: String
    /// Fresh hashes are slow to try, and VerneMQ cannot read them.
    private(set) var isSlow = false

    static let usage = """
        usage: vmq-passwd [--hash=sha512 | --hash=scrypt] [-c | -cf | -D] FILE USER
               vmq-passwd [--hash=sha512 | --hash=scrypt] -U FILE

        Changes a password file of the broker (vmq_passwd.password_file).

          FILE USER        add USER, or give it another password
          -c FILE USER     make FILE with USER; FILE must not exist
          -cf FILE USER    the same in the place of a FILE that exists: its users are lost
          -D FILE USER     delete USER
          -U FILE          hash all passwords that are there in plain text, as in USER:PASSWORD
          --hash=scrypt    hash so that passwords are slow to guess for who gets hold of the file; VerneMQ cannot
                           read such lines. --hash=sha512, the default, is VerneMQ's form

        The password is asked for twice, without an echo, when standard input is a terminal. Otherwise it is the first
        line of standard input; a second line must be the same.
        Exit status 0 when it is done, 1 when not.

        """

    /// - Parameter words: without the name of the program.
    init(_ words: [String]) throws(Mistake) {
        var flags: Set<Character> = []
        var rest = words[...]
        while let word = rest.first, word.hasPrefix("-"), word != "-" {
            rest = rest.dropFirst()
            if word == "--" { break }
            if word == "--help" {
                flags.insert("h")
                continue
            }
            if word.hasPrefix("--hash=") {
                let name = word.dropFirst("--hash=".count)
                guard name == "scrypt" || name == "sha512" else {
                    throw Mistake(text: "\(word): allowed: --hash=sha512, --hash=scrypt")
                }
                isSlow = name == "scrypt"
                continue
            }
            for letter in word.dropFirst() {
                guard "cfDUh".contains(letter) else {
                    throw Mistake(text: "unknown option \(word); allowed: -c, -cf, -D, -U, -h")
                }
                flags.insert(letter)
            }
        }
        if flags.contains("h") {
            action = .help
            path = ""
            return
        }
        guard let path = rest.first, !path.isEmpty else { throw Mistake(text: "FILE is missing") }
        self.path = path
        if flags == ["U"] {
            guard rest.count == 1 else {
                throw Mistake(text: "-U takes FILE alone; it is also given \(rest.last ?? "")")
            }
            action = .upgrade
            return
        }
        guard rest.count >= 2, let user = rest.dropFirst().first else {
            throw Mistake(text: "USER is missing")
        }
        guard rest.count == 2 else {
            throw Mistake(text: "more than FILE and USER: \(rest.last ?? ""); the password is asked for")
        }
        switch flags {
        case []: action = .set(user: user)
        case ["c"]: action = .create(user: user, force: false)
        case ["c", "f"]: action = .create(user: user, force: true)
        case ["D"]: action = .delete(user: user)
        default:
            let given = flags.sorted().map { "-\($0)" }.joined(separator: " ")
            throw Mistake(text: "\(given) do not go together; allowed: -c, -cf, -D, -U")
        }
    }
}
