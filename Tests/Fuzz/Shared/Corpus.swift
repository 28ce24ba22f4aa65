import Glibc

/// The inputs a fuzzer begins with. `FUZZER --seeds FOLDER` writes them there and ends.
enum Corpus {
    static func writeIfAsked(_ seeds: @autoclosure () -> [[UInt8]]) {
        let arguments = CommandLine.arguments
        guard arguments.count == 3, arguments[1] == "--seeds" else { return }
        for (index, seed) in seeds().enumerated() {
            guard let file = fopen("\(arguments[2])/seed-\(index)", "wb") else {
                broken("\(arguments[2]) can be written")
            }
            fwrite(seed, 1, seed.count, file)
            fclose(file)
        }
        exit(0)
    }
}
